/**
 * A layer onto a directory that somebody else made: an overlay's upper directory, or a complete tree. It is laid and
 * proven in a staging directory first, so that what is wrong with a layer never shows; then it is moved in.
 */
import { join } from "node:path";
import { asStorageError, StorageError } from "../base/errors.ts";
import { baseOf, bytesOf, rootPath, type RelPath } from "../base/path-bytes.ts";
import { editDirectory } from "../extract/edit-directory.ts";
import { mergeSettled } from "../extract/merge-tree.ts";
import { writeOverlayMarks } from "../extract/overlay-marks.ts";
import { settleLayer } from "../extract/settle.ts";
import type { LowerLayer, Redirect, SettledLayer } from "../extract/staged-layer.ts";
import { O_DIRECTORY, O_NOFOLLOW } from "../sys/constants.ts";
import { AT_FDCWD, closeFd, mkdirat, openat, readdir, syncfs } from "../sys/linux.ts";
import { pathBelow } from "../sys/path-like.ts";
import { detectPrivileges, type Privileges } from "../sys/privileges.ts";
import { removeTree } from "../sys/remove-tree.ts";
import { createCore } from "../wasm/core.ts";
import { applyLayer } from "./apply-layer.ts";
import { Control } from "./control.ts";
import type { AppliedLayer, ApplyOntoTask, Place } from "./tasks.ts";
import { verifiedLayer } from "./verified-layer.ts";

const maxRedirectRounds = 40;

/** See {@link import("./layer-pool.ts").LayerPool.applyOnto}. */
export async function applyLayerOnto(task: ApplyOntoTask): Promise<AppliedLayer> {
  const { place, stagingDir, what } = task;
  const privileges = { ...detectPrivileges(), overlayXattr: place.overlayXattr };
  const redirects: Redirect[] = [];
  for (let round = 0; round < maxRedirectRounds; round++) {
    const ring = round === 0 ? task.ring : null;
    const applied = await applyLayer({ ...task, redirects, ring }, createCore(task.core));
    const outcome = settleLayer(lowersOf(task), verifiedLayer(applied, stagingDir), privileges);
    if ("settled" in outcome) {
      new Control(task.control).throwIfCanceled(what);
      moveIn(task, outcome.settled, privileges);
      return { ...applied, usage: outcome.settled.usage };
    }
    redirects.push(...outcome.redirects);
    const tree = join(stagingDir, "fs");
    removeTree(tree);
    mkdirat(AT_FDCWD, tree, 0o700);
  }
  throw new StorageError("ERR_INVALID_ARGUMENT", "its parents lead through too many symlinks");
}

function lowersOf({ place, stagingDir }: ApplyOntoTask): readonly LowerLayer[] {
  if (place.form === "overlay") return place.lowers;
  return [{ dir: place.dir, whiteouts: nameWithin(place, stagingDir), opaques: [] }];
}

/** The staging directory's name where it lies in the place itself: it is no part of that. */
function nameWithin({ dir }: Place, stagingDir: string): readonly RelPath[] {
  const name = baseOf(stagingDir as RelPath);
  return join(dir, name) === stagingDir ? [name as RelPath] : [];
}

function moveIn({ place, stagingDir }: ApplyOntoTask, settled: SettledLayer, privileges: Privileges): void {
  const { dir, form, syncs } = place;
  const staged = nameWithin(place, stagingDir);
  const rootFd = openat(AT_FDCWD, dir, O_DIRECTORY | O_NOFOLLOW);
  try {
    const wasEmpty = foreignNames(rootFd, staged).length === 0;
    if (form === "overlay" && !wasEmpty) {
      throw new StorageError("ERR_FAILED_PRECONDITION", `cannot fill ${dir}: something is in it`);
    }
    try {
      if (form === "overlay") {
        writeOverlayMarks(join(stagingDir, "fs"), settled.whiteouts, settled.opaques, privileges);
        mergeSettled(dir, { ...settled, whiteouts: [], opaques: [] }, privileges);
      } else {
        mergeSettled(dir, settled, privileges);
      }
      if (staged.length > 0) {
        editDirectory(rootFd, rootPath, () => {
          removeTree(stagingDir);
        });
      }
      if (syncs) syncfs(rootFd);
    } catch (error) {
      if (wasEmpty) for (const name of foreignNames(rootFd, staged)) removeTree(pathBelow(rootFd, bytesOf(name)));
      throw asStorageError(error, `cannot write to ${dir}`);
    }
  } finally {
    closeFd(rootFd);
  }
}

function foreignNames(rootFd: number, staged: readonly string[]): readonly string[] {
  return readdir(rootFd)
    .map(({ name }) => name)
    .filter((name) => !staged.includes(name));
}
