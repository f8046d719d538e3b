/** Which program starts containers. */
import { basename, isAbsolute, join } from "node:path";
import { isStorageError, StorageError } from "../base/errors.ts";
import { detectPrivileges, type Privileges } from "../sys/privileges.ts";
import { createChrootRunner } from "./chroot-runner.ts";
import { hasHybridCgroups } from "./host.ts";
import type { Runtime } from "./launch.ts";
import { createOciRuntime } from "./oci-runtime.ts";
import { findOnPath, isExecutable } from "./programs.ts";

export interface RuntimeOptions {
  /** "runc", "crun", a path of one, or "chroot"; undefined and "" choose by what is there. */
  readonly wanted: string | undefined;
  /** Where runtimes keep their own records. */
  readonly state: string;
  readonly privileges: Privileges;
}

export interface RuntimeChoice {
  readonly name: Runtime["name"];
  readonly path: string | null;
  readonly reason: string;
}

/**
 * runc, then crun, where they can work; else the built-in runner. Ordinary users always get the built-in one, in a user
 * namespace of their own.
 * @throws {StorageError} ERR_FAILED_PRECONDITION when `wanted` is not there.
 */
export function chooseRuntime({ wanted, privileges }: Omit<RuntimeOptions, "state">): RuntimeChoice {
  if (wanted === "chroot") return { name: "chroot", path: null, reason: "asked for" };
  if (wanted !== undefined && wanted !== "") {
    const name = basename(wanted) === "crun" ? "crun" : "runc";
    const path = isAbsolute(wanted) ? wanted : findOnPath(wanted);
    if (path === undefined || !isExecutable(path)) {
      throw new StorageError("ERR_FAILED_PRECONDITION", `cannot use runtime ${wanted}: no such program`);
    }
    return { name, path, reason: "asked for" };
  }
  const isAdministrator = privileges.canMount && privileges.overlayXattr === "trusted.overlay.";
  if (!isAdministrator) return { name: "chroot", path: null, reason: "runc and crun are used as root only" };
  const runc = findOnPath("runc");
  if (runc !== undefined) return { name: "runc", path: runc, reason: "found on PATH" };
  const crun = findOnPath("crun");
  if (crun === undefined) return { name: "chroot", path: null, reason: "neither runc nor crun is on PATH" };
  if (hasHybridCgroups()) return { name: "chroot", path: null, reason: "crun refuses hybrid cgroups" };
  return { name: "crun", path: crun, reason: "found on PATH" };
}

/** For showing: null when the built-in runner would be used, or what $LAMINATE_RUNTIME asks for is not there. */
export function findRuntime(privileges: Privileges = detectPrivileges()): { name: string; path: string } | null {
  try {
    const { name, path } = chooseRuntime({ wanted: process.env["LAMINATE_RUNTIME"], privileges });
    return path === null ? null : { name, path };
  } catch (error) {
    if (isStorageError(error)) return null;
    throw error;
  }
}

/** @throws {StorageError} as {@link chooseRuntime}. */
export function openRuntime(options: RuntimeOptions): Runtime {
  const { name, path } = chooseRuntime(options);
  if (path === null || name === "chroot") return createChrootRunner(options.privileges);
  return createOciRuntime(name, path, join(options.state, name));
}
