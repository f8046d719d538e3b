/** What a command takes: with all processes that it starts, and with the daemon that does the work for it. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

export interface TreeCost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Resident memory of all processes together, at its highest; looked at every 20 ms. */
  readonly peakBytes: number;
}

const sampleMs = 20;
const ticksPerSecond = 100;
const pageBytes = 4096;

/** Node has no getrusage(RUSAGE_CHILDREN). Descriptor 3 takes the figures. */
const meter = `
import json, os, resource, subprocess, sys, time
start = time.monotonic()
status = subprocess.call(sys.argv[1:])
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(3, json.dumps([wall, used.ru_utime + used.ru_stime]).encode())
sys.exit(status)
`;

/** @param daemons process IDs that were there before and stay. */
export async function treeCost(command: readonly string[], daemons: readonly number[] = []): Promise<TreeCost> {
  const idle = daemons.reduce((sum, pid) => sum + cpuOf(pid), 0);
  const child = spawn("python3", ["-c", meter, ...command], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const [, , errors, figures] = child.stdio;
  if (child.pid === undefined || errors === null || !figures || !("read" in figures)) throw new Error("no python3");
  let peakBytes = 0;
  const timer = setInterval(() => {
    const tree = treeOf([child.pid ?? 0, ...daemons]).filter((pid) => pid !== child.pid);
    peakBytes = Math.max(
      peakBytes,
      tree.reduce((sum, pid) => sum + residentOf(pid), 0),
    );
  }, sampleMs);
  try {
    const [said, measured, status] = await Promise.all([
      text(errors),
      text(figures),
      new Promise<number | null>((resolve) => child.once("exit", resolve)),
    ]);
    if (status !== 0) throw new Error(`${command.join(" ")} ended with status ${status ?? "none"}: ${said}`);
    const [wallSeconds, ownCpu] = JSON.parse(measured) as [number, number];
    const daemonCpu = daemons.reduce((sum, pid) => sum + cpuOf(pid), 0) - idle;
    return { wallSeconds, cpuSeconds: ownCpu + daemonCpu, peakBytes };
  } finally {
    clearInterval(timer);
  }
}

function treeOf(roots: readonly number[]): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = Number(statOf(pid)[1] ?? NaN);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: number[] = [];
  const left = [...roots];
  for (let pid = left.pop(); pid !== undefined; pid = left.pop()) {
    found.push(pid);
    left.push(...(children.get(pid) ?? []));
  }
  return found;
}

/** proc_pid_stat(5) from its third field on: state, parent, …; empty for a process that is gone. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

/** User and system seconds of a process and of the children it has waited for. */
function cpuOf(pid: number): number {
  return statOf(pid)
    .slice(11, 15)
    .reduce((sum, ticks) => sum + Number(ticks) / ticksPerSecond, 0);
}

function residentOf(pid: number): number {
  return Number(statOf(pid)[21] ?? 0) * pageBytes;
}
