/** Which proxy a request goes through, by the environment: HTTP_PROXY, HTTPS_PROXY, NO_PROXY, in either case. */
import { BlockList, isIP } from "node:net";
import { StorageError } from "../base/errors.ts";
import { isLoopback } from "./hosts.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Undefined for a direct connection, as always to this machine itself.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for a proxy that is no http(s) URL; the message does not show it, since it
 * may hold a password.
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  if (isLoopback(url.hostname)) return undefined;
  const name = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  const value = env[name] ?? env[name.toUpperCase()] ?? "";
  if (value === "" || isExempt(url, env["no_proxy"] ?? env["NO_PROXY"] ?? "")) return undefined;
  const proxy = URL.parse(value.includes("://") ? value : `http://${value}`);
  if (proxy === null || !/^https?:$/.test(proxy.protocol)) {
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot use the proxy in $${name}: it is not an http or https URL`);
  }
  return proxy;
}

/** As curl and Go read NO_PROXY: `*`, host names with the names below them, addresses, CIDR blocks; a port narrows. */
function isExempt({ hostname, port, protocol }: URL, noProxy: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const actualPort = port === "" ? (protocol === "https:" ? "443" : "80") : port;
  return noProxy.split(/[\s,]+/).some((entry) => {
    if (entry === "") return false;
    if (entry === "*") return true;
    const [, name = "", wantedPort] = /^(.*?)(?::([0-9]+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
    if (wantedPort !== undefined && wantedPort !== actualPort) return false;
    const wanted = name.replace(/^\[|\]$/g, "").toLowerCase();
    if (wanted.includes("/")) return isInBlock(host, wanted);
    const suffix = wanted.replace(/^\*?\./, "");
    return host === suffix || host.endsWith(`.${suffix}`);
  });
}

function isInBlock(host: string, block: string): boolean {
  const family = isIP(host);
  const [address = "", bits = ""] = block.split("/");
  const most = family === 4 ? 32 : 128;
  if (family === 0 || isIP(address) !== family || !/^[0-9]{1,3}$/.test(bits) || Number(bits) > most) return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(address, Number(bits), type);
  return list.check(host, type);
}
