/** The processes of a container as this machine sees them: those in the PID namespace of its first one. */
import { readdirSync, readlinkSync } from "node:fs";

/** Those that share the PID namespace of `pid`, itself included; [] for undefined and when it is gone. */
export function processesLike(pid: number | undefined): readonly number[] {
  const namespace = pid === undefined ? undefined : namespaceOf(pid);
  if (namespace === undefined || namespace === namespaceOf(process.pid)) return [];
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((each) => namespaceOf(each) === namespace);
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
