/** Which capabilities a container's programs have. */
import { StorageError } from "../base/errors.ts";
import { defaultCapabilities } from "./defaults.ts";
import type { HostConfig } from "./host-config.ts";

/** linux/capability.h, by number. */
const names = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"],
  ...["LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER"],
  ...["SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE"],
  ...["SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP"],
  ...["MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF"],
  "CHECKPOINT_RESTORE",
];
export const allCapabilities: readonly string[] = names.map((name) => `CAP_${name}`);

/** "net_admin", "CAP_NET_ADMIN" and "all". @throws {StorageError} ERR_INVALID_ARGUMENT */
export function parseCapability(text: string): string {
  const upper = text.toUpperCase();
  const name = upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (name === "ALL" || allCapabilities.includes(name)) return name;
  throw new StorageError("ERR_INVALID_ARGUMENT", `cannot create container: there is no capability ${text}`);
}

/**
 * What is dropped one by one stays dropped, what is added one by one is there, "ALL" is about the rest.
 * @param grantable a bit for each that can be given at all.
 */
export function capabilitiesOf(
  { privileged, capAdd, capDrop }: Pick<HostConfig, "privileged" | "capAdd" | "capDrop">,
  grantable: bigint,
): readonly string[] {
  const base = capDrop.includes("ALL")
    ? []
    : capAdd.includes("ALL") || privileged
      ? allCapabilities
      : defaultCapabilities;
  const wanted = new Set([...base, ...capAdd].filter((name) => name !== "ALL" && !capDrop.includes(name)));
  return allCapabilities.filter((name, bit) => wanted.has(name) && ((grantable >> BigInt(bit)) & 1n) === 1n);
}
