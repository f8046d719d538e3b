/** resolv.conf, hosts and hostname: generated for each container and mounted over the image's own. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostConfig } from "./host-config.ts";

export const networkFileNames = ["resolv.conf", "hosts", "hostname"] as const;

const localhost = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/** The container is on the host's network: it resolves what the host resolves, its own name, and what was asked for. */
export function writeNetworkFiles(
  directory: string,
  hostname: string,
  { dns, extraHosts }: Pick<HostConfig, "dns" | "extraHosts">,
): void {
  const hosts = hostFile("/etc/hosts") ?? localhost;
  const extra = extraHosts.map(([name, address]) => `${address}\t${name}\n`).join("");
  const contents = {
    "resolv.conf": resolverFile(hostFile("/etc/resolv.conf") ?? "", dns),
    hosts: `${hosts.endsWith("\n") ? hosts : `${hosts}\n`}127.0.1.1\t${hostname}\n${extra}`,
    hostname: `${hostname}\n`,
  } satisfies Record<(typeof networkFileNames)[number], string>;
  for (const name of networkFileNames) writeFileSync(join(directory, name), contents[name], { mode: 0o644 });
}

/** What is asked for takes the place of the host's lines of its kind. */
function resolverFile(host: string, { servers, search, options }: HostConfig["dns"]): string {
  const asked: Readonly<Record<string, readonly string[]>> = {
    nameserver: servers,
    search: search.length === 0 ? [] : [search.join(" ")],
    options: options.length === 0 ? [] : [options.join(" ")],
  };
  const kept = host.split("\n").filter((line) => {
    const keyword = /^\s*(\w+)/.exec(line)?.[1] ?? "";
    return line !== "" && (asked[keyword === "domain" ? "search" : keyword] ?? []).length === 0;
  });
  const added = Object.entries(asked).flatMap(([keyword, values]) => values.map((value) => `${keyword} ${value}`));
  return [...added, ...kept].map((line) => `${line}\n`).join("");
}

function hostFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
