/** What a runtime that was killed leaves behind: a container that nobody attends to, its records and its cgroups. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findOnPath } from "./programs.ts";

/** Parent of the cgroups of all our containers. */
export const cgroupParent = "laminate";

/**
 * Ends all that still runs of a container whose lock is free.
 * @param state where runtimes keep their own records.
 */
export function endLeftovers(state: string, id: string): void {
  for (const name of ["runc", "crun"]) {
    const records = join(state, name, id);
    if (!existsSync(records)) continue;
    const path = findOnPath(name);
    if (path !== undefined) {
      spawnSync(path, ["--root", join(state, name), "delete", "--force", id], { stdio: "ignore" });
    }
    rmSync(records, { recursive: true, force: true });
  }
  for (const cgroup of cgroupsOf(id)) endCgroup(cgroup);
}

function cgroupsOf(id: string): readonly string[] {
  const top = "/sys/fs/cgroup";
  const hierarchies = list(top).map((name) => join(top, name));
  return [top, ...hierarchies].map((hierarchy) => join(hierarchy, cgroupParent, id)).filter((path) => existsSync(path));
}

function endCgroup(path: string): void {
  for (const pid of read(join(path, "cgroup.procs")).split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // gone
    }
  }
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      rmdirSync(path);
      return;
    } catch {
      // its processes are still on their way out
      if (!existsSync(path)) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
