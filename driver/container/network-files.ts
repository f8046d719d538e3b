/** resolv.conf, hosts and hostname: generated for each container and mounted over the image's own. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const networkFileNames = ["resolv.conf", "hosts", "hostname"] as const;

const localhost = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/** The container is on the host's network: it resolves what the host resolves, and its own name. */
export function writeNetworkFiles(directory: string, hostname: string): void {
  const hosts = hostFile("/etc/hosts") ?? localhost;
  const contents = {
    "resolv.conf": hostFile("/etc/resolv.conf") ?? "",
    hosts: `${hosts.endsWith("\n") ? hosts : `${hosts}\n`}127.0.1.1\t${hostname}\n`,
    hostname: `${hostname}\n`,
  } satisfies Record<(typeof networkFileNames)[number], string>;
  for (const name of networkFileNames) writeFileSync(join(directory, name), contents[name], { mode: 0o644 });
}

function hostFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
