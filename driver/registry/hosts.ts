/** Host names as URLs have them, and what may be done with them. */

/** "localhost:5000" → "localhost"; "[::1]:5000" → "[::1]". */
export function hostnameOf(host: string): string {
  return host.replace(/:[0-9]+$/, "").toLowerCase();
}

/** This machine itself: what is sent there crosses no network. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  return (
    name === "localhost" || name.endsWith(".localhost") || /^127(?:\.[0-9]{1,3}){3}$/.test(name) || name === "[::1]"
  );
}

/** Addresses of one link only, among them those at which clouds hand out credentials. */
export function isLinkLocal(hostname: string): boolean {
  const name = hostname.toLowerCase();
  return (
    /^169\.254(?:\.[0-9]{1,3}){2}$/.test(name) || /^\[fe[89ab][0-9a-f]:/.test(name) || /^\[::ffff:a9fe:/.test(name)
  );
}
