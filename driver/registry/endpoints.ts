/** From a reference's domain to the endpoints that serve it. */
import { homedir } from "node:os";
import { join } from "node:path";
import { apiHostOf, type Endpoint } from "./endpoint.ts";
import { certificatesFor, type EndpointDefaults, endpointsFromDirs, plainEndpoint } from "./host-files.ts";
import { hostnameOf, isLoopback } from "./hosts.ts";
import { endpointsFromConf } from "./registries-conf.ts";

export interface EndpointOptions {
  /** Instead of the system's and the user's directories. */
  readonly hostsDirs?: readonly string[] | undefined;
  /** False: certificates are not checked, and plain HTTP serves where there is no TLS. Asked for by a user only. */
  readonly isTlsVerified?: boolean | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Mirrors first, the registry itself last. @throws {StorageError} as the files that configure it are wrong. */
export function endpointsFor(domain: string, repository: string, options: EndpointOptions): readonly Endpoint[] {
  const { isTlsVerified = true, env } = options;
  const defaultsOf = (host: string): EndpointDefaults => ({
    scheme: !isTlsVerified || isLoopback(hostnameOf(host)) ? "either" : "https",
    isVerified: isTlsVerified,
  });
  const dirs = options.hostsDirs ?? defaultDirs(env);
  const byConf = endpointsFromConf(domain, repository, env, defaultsOf);
  if (byConf !== undefined) return byConf.map((each) => ({ ...each, tls: certificatesFor(each.host, dirs) }));
  const host = apiHostOf(domain);
  return endpointsFromDirs(domain, dirs, defaultsOf) ?? [plainEndpoint(host, domain, defaultsOf(host))];
}

/** A user's own come first. */
function defaultDirs(env: EndpointOptions["env"]): readonly string[] {
  const home = env["HOME"] ?? homedir();
  const config = env["XDG_CONFIG_HOME"] ?? join(home, ".config");
  return [
    join(config, "containerd/certs.d"),
    join(config, "docker/certs.d"),
    join(config, "containers/certs.d"),
    "/etc/containerd/certs.d",
    "/etc/docker/certs.d",
    "/etc/containers/certs.d",
  ];
}
