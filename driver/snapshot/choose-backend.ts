/** Which backend a store gets, decided by trying rather than by guessing. */
import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../base/errors.ts";
import { noLogger } from "../base/logger.ts";
import type { RelPath } from "../base/path-bytes.ts";
import { writeOverlayMarks } from "../extract/overlay-marks.ts";
import { performMount, unmount } from "../mount/perform.ts";
import { formatOverlayOptions } from "../mount/overlay-options.ts";
import type { Privileges } from "../sys/privileges.ts";
import { readFormat } from "./backend-format.ts";
import { SnapshotDirectories } from "./directories.ts";
import { overlayKernelOptions } from "./overlay-backend.ts";
import { type Staged, StagingArea } from "./staging-area.ts";

export interface BackendChoice {
  readonly backend: "overlay" | "copy";
  /** For people: why. */
  readonly reason: string;
}

/**
 * "auto" stays with what a store's snapshots are, and takes overlay for a new store where an overlay mount on its file
 * system works, else copy. Makes `root` if missing; mounts for a moment below it, and leaves nothing.
 * @throws {StorageError} ERR_FAILED_PRECONDITION when "overlay" is asked for and does not work, saying why not.
 */
export function chooseBackend(
  wanted: "auto" | "overlay" | "copy",
  root: string,
  privileges: Privileges,
): BackendChoice {
  if (wanted === "copy") return { backend: "copy", reason: "asked for" };
  if (wanted === "auto") {
    const present = backendOf(root);
    if (present !== undefined) return { backend: present, reason: `the store's snapshots are ${present}` };
  }
  const obstacle = overlayObstacle(root, privileges);
  if (wanted === "overlay") {
    if (obstacle === undefined) return { backend: "overlay", reason: "asked for" };
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot use backend overlay below ${root}: ${obstacle}`);
  }
  return obstacle === undefined
    ? { backend: "overlay", reason: "an overlay mount on the store's file system works" }
    : { backend: "copy", reason: `overlay does not work here: ${obstacle}` };
}

function backendOf(root: string): "overlay" | "copy" | undefined {
  const directories = new SnapshotDirectories(root, { syncs: false });
  if (directories.list().length === 0) return undefined;
  const format = readFormat(directories);
  if (format === undefined) return undefined;
  return format === "copy" ? "copy" : "overlay";
}

/** What keeps this process from using overlay below `root`; undefined when all that the backend does works. */
function overlayObstacle(root: string, privileges: Privileges): string | undefined {
  if (!privileges.canMount) return "this process may not mount";
  using staged = new StagingArea(root, noLogger).create();
  try {
    return tryOverlay(staged, privileges);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Everything an overlay store does, once: layers with marks written from outside, and a deletion by the kernel. */
function tryOverlay({ path, tree: upperDir }: Staged, privileges: Privileges): string | undefined {
  const make = (name: string): string => {
    mkdirSync(join(path, name), { recursive: true });
    return join(path, name);
  };
  const [lower, marked, workDir, target] = [make("lower"), make("marked"), make("work"), make("target")];
  make("lower/opaque/hidden");
  make("marked/opaque");
  make("lower/whiteout");
  make("lower/seen");
  writeOverlayMarks(marked, ["whiteout" as RelPath], ["opaque" as RelPath], privileges);
  const others = overlayKernelOptions(privileges);
  const options = formatOverlayOptions({ lowerDirs: [marked, lower], upperDir, workDir, others });
  performMount([{ type: "overlay", source: "overlay", target: "", options }], target);
  try {
    rmdirSync(join(target, "seen"));
    const visible = [...readdirSync(target), ...readdirSync(join(target, "opaque"))];
    return visible.join() === "opaque" ? undefined : `its marks have no effect, ${visible.join(", ")} can be seen`;
  } finally {
    unmount(target, { detach: true });
  }
}
