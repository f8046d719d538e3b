/**
 * What a running container uses: from its own cgroups, v1 or v2, else summed over its processes, where those that ended
 * unseen are missing. File formats: the kernel's cgroup-v1/*.rst, cgroup-v2.rst, proc(5).
 */
import { readFileSync, readlinkSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { StorageError } from "../base/errors.ts";
import type { ContainerStore } from "./container-store.ts";
import type { ContainerStats } from "./container.ts";
import { processesLike } from "./processes.ts";

const nanosPerTick = 10_000_000;

/** Bytes and counts of one moment; null where this machine does not tell. */
export type Usage = Omit<ContainerStats, "id" | "name" | "isRunning" | "takenMs">;

/** The text of a file of a controller's cgroup, "" when it is not there. */
export type CgroupReader = (controller: string, file: string) => string;

const nothing: Usage = {
  ...{ cpuNanos: 0, memoryBytes: 0, memoryLimitBytes: 0, receivedBytes: 0, sentBytes: 0 },
  ...{ readBytes: 0, writtenBytes: 0, pids: 0 },
};

/** Remembers the first process of each run, for whoever asks again and again. */
export function statsReader(store: ContainerStore): (wanted: string) => Promise<ContainerStats> {
  const first = new Map<string, { readonly pid: number; readonly init: number | undefined }>();
  return async (wanted) => {
    const container = await store.settled(store.records.find(wanted));
    if (container === undefined) throw new StorageError("ERR_NOT_FOUND", `cannot find container ${wanted}`);
    const { id, name, pid, status } = container;
    const isRunning = status === "running";
    let known = first.get(id);
    if (isRunning && pid !== null && (known?.pid !== pid || known.init === undefined)) {
      known = { pid, init: (await store.runtimeOf(id)).initPid(id, pid) };
      first.set(id, known);
    }
    const usage = isRunning && known?.init !== undefined ? usageOf(id, known.init) : nothing;
    return { id, name, isRunning, takenMs: performance.now(), ...usage };
  };
}

function usageOf(id: string, init: number): Usage {
  const folders = cgroupFolders(read(`/proc/${init}/cgroup`), read("/proc/self/mountinfo"), id);
  const isIsolated = linkOf(`/proc/${init}/ns/net`) !== linkOf("/proc/self/ns/net");
  const network = isIsolated ? networkUsage(read(`/proc/${init}/net/dev`)) : { receivedBytes: 0, sentBytes: 0 };
  const usage =
    folders === undefined
      ? processUsage(processesLike(init))
      : cgroupUsage((controller, file) => {
          const folder = folders.get(controller) ?? folders.get("");
          return folder === undefined ? "" : read(join(folder, file));
        });
  return { ...usage, ...network };
}

/**
 * Where the cgroups of container `id` are, by controller, "" for v2; undefined when it has none of its own.
 * @param cgroups /proc/PID/cgroup of one of its processes.
 */
export function cgroupFolders(cgroups: string, mountinfo: string, id: string): ReadonlyMap<string, string> | undefined {
  const folders = new Map<string, string>();
  for (const line of cgroups.split("\n")) {
    const [, controllers, path] = /^[0-9]+:([^:]*):(.*)$/.exec(line) ?? [];
    const names = path?.split("/") ?? [];
    // The container's processes may have gone further down.
    const own = names.slice(0, names.indexOf(id) + 1).join("/");
    if (controllers === undefined || own === "") continue;
    for (const controller of controllers.split(",")) {
      const mount = hierarchyOf(mountinfo, controller);
      if (mount === undefined) continue;
      const isBelow = mount.root !== "/" && own.startsWith(`${mount.root}/`);
      folders.set(controller, join(mount.point, isBelow ? own.slice(mount.root.length) : own));
    }
  }
  return folders.has("memory") || folders.has("cpuacct") || (folders.size === 1 && folders.has(""))
    ? folders
    : undefined;
}

function hierarchyOf(mountinfo: string, controller: string): { root: string; point: string } | undefined {
  for (const line of mountinfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [type, , options = ""] = after.split(" ");
    const isWanted =
      controller === "" ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(controller);
    const [, , , root, point] = before.split(" ");
    if (isWanted && root !== undefined && point !== undefined) return { root, point };
  }
  return undefined;
}

/** Memory as Docker counts it: without the pages of files that nobody has used for long. */
export function cgroupUsage(get: CgroupReader): Omit<Usage, "receivedBytes" | "sentBytes"> {
  const isV1 = get("memory", "memory.usage_in_bytes") !== "" || get("cpuacct", "cpuacct.usage") !== "";
  const pids = numberOf(get("pids", "pids.current"));
  const memory = (used: string, limit: string, inactive: string) => {
    const bytes = numberOf(get("memory", used));
    const idle = field(get("memory", "memory.stat"), inactive) ?? 0;
    const limitBytes = Math.min(numberOf(get("memory", limit)) ?? Infinity, totalmem());
    return { memoryBytes: bytes !== null && idle < bytes ? bytes - idle : bytes, memoryLimitBytes: limitBytes };
  };
  if (isV1) {
    const blocks = get("blkio", "blkio.throttle.io_service_bytes_recursive");
    const blockBytes = (verb: string): number | null =>
      blocks === "" ? null : sum(blocks, new RegExp(`^\\S+ ${verb} (\\d+)$`, "gm"));
    return {
      cpuNanos: numberOf(get("cpuacct", "cpuacct.usage")),
      ...memory("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"),
      ...{ readBytes: blockBytes("Read"), writtenBytes: blockBytes("Write"), pids },
    };
  }
  const micros = field(get("cpu", "cpu.stat"), "usage_usec");
  const io = get("io", "io.stat");
  return {
    cpuNanos: micros === null ? null : micros * 1000,
    ...memory("memory.current", "memory.max", "inactive_file"),
    ...{ readBytes: sum(io, /\brbytes=(\d+)/g), writtenBytes: sum(io, /\bwbytes=(\d+)/g), pids },
  };
}

/** Memory without what is mapped from files; times and bytes with those of children whose ends were seen. */
function processUsage(processes: readonly number[]): Omit<Usage, "receivedBytes" | "sentBytes"> {
  let ticks = 0;
  let memoryBytes = 0;
  let pids = 0;
  let io: { read: number; written: number } | null = { read: 0, written: 0 };
  for (const pid of processes) {
    const stat = read(`/proc/${pid}/stat`);
    if (stat === "") continue;
    // The second field, in parentheses, may hold anything; what follows begins with the third.
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    ticks += fields.slice(11, 15).reduce((all, each) => all + each, 0);
    pids += fields[17] ?? 0;
    const status = read(`/proc/${pid}/status`);
    memoryBytes += sum(status, /^(?:RssAnon|RssShmem):\s+(\d+) kB$/gm) * 1024;
    const counts = read(`/proc/${pid}/io`);
    if (io !== null && counts !== "") {
      io = {
        read: io.read + sum(counts, /^read_bytes: (\d+)$/gm),
        written: io.written + sum(counts, /^write_bytes: (\d+)$/gm),
      };
    } else io = null;
  }
  const [readBytes, writtenBytes] = [io?.read ?? null, io?.written ?? null];
  return { cpuNanos: ticks * nanosPerTick, memoryBytes, memoryLimitBytes: totalmem(), readBytes, writtenBytes, pids };
}

/** All interfaces but the loopback. @param text /proc/PID/net/dev. */
export function networkUsage(text: string): Pick<Usage, "receivedBytes" | "sentBytes"> {
  const counts = [...text.matchAll(/^\s*([^\s:]+):(.*)$/gm)]
    .filter(([, name]) => name !== "lo")
    .map(([, , numbers = ""]) => numbers.trim().split(/\s+/).map(Number));
  const total = (column: number): number => counts.reduce((all, each) => all + (each[column] ?? 0), 0);
  return { receivedBytes: total(0), sentBytes: total(8) };
}

/** "name number" on a line. */
function field(text: string, name: string): number | null {
  const value = new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1];
  return value === undefined ? null : Number(value);
}

/** null for "max" and for nothing. */
function numberOf(text: string): number | null {
  return /^\d+\n?$/.test(text) ? Number(text) : null;
}

function sum(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((all, [, value]) => all + Number(value), 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
