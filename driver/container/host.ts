/** Facts about this machine that decide how containers are started. */
import { readFileSync, statfsSync } from "node:fs";

const cgroup2Magic = 0x63677270;

export function hasUnifiedCgroup(): boolean {
  return isCgroup2("/sys/fs/cgroup");
}

/** cgroup v1 with v2 beside it, v2 having controllers: crun gives up there, whatever it is told. */
export function hasHybridCgroups(): boolean {
  const controllers = isCgroup2("/sys/fs/cgroup/unified") ? read("/sys/fs/cgroup/unified/cgroup.controllers") : "";
  return controllers.trim() !== "";
}

/** The hard limit of open files, which only a privileged process can raise. */
export function maxOpenFiles(): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(read("/proc/self/limits"))?.[1] ?? "";
  return /^[0-9]+$/.test(hard) ? Number(hard) : Infinity;
}

/** A bit for each capability that we may hand on: those the kernel knows, without those that were taken from us. */
export function grantableCapabilities(): bigint {
  return BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(read("/proc/self/status"))?.[1] ?? "0"}`);
}

function isCgroup2(path: string): boolean {
  try {
    return statfsSync(path).type === cgroup2Magic;
  } catch {
    return false;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
