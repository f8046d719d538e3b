import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { asStorageError, StorageError } from "../base/errors.ts";
import { rootPath } from "../base/path-bytes.ts";
import { requireSize } from "../content/blob-reader.ts";
import { editDirectory } from "../extract/edit-directory.ts";
import type { Place } from "../layer/tasks.ts";
import type { Mount } from "../mount/mount.ts";
import { isLayerType } from "../oci/media-type.ts";
import { makeDirectory } from "../snapshot/make-directory.ts";
import type { StagingDirectory } from "../snapshot/snapshotter.ts";
import { AT_FDCWD, O_DIRECTORY, O_PATH } from "../sys/constants.ts";
import { inContext } from "../sys/in-context.ts";
import { closeFd, openat } from "../sys/linux.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { AppliedDiff, ApplyRequest, BlobCall, DifferContext, ForeignBlobs } from "./differ.ts";
import { requirePerformable, stackOf } from "./mount-stacks.ts";
import { mountPrivately } from "./private-mount.ts";

/**
 * Applies a layer on mounts, with the meaning that all layers have here (extract/staged-layer.ts). An empty upper
 * directory is written directly, with overlay's marks; a bind mount's source as the tree that it is; all others are
 * mounted first. What is wrong with the layer shows before anything is written.
 *
 * The whole blob is read: its digest is proven, and so is the diffID, which covers what follows the tar's end too.
 * @throws {StorageError} ERR_UNIMPLEMENTED for what another differ may know: media types, compressions, mounts;
 * ERR_FAILED_PRECONDITION for read-only mounts; what LayerPool.applyOnto throws.
 */
export async function applyDiff(
  context: DifferContext,
  blobs: ForeignBlobs,
  { layer, mounts, syncs }: ApplyRequest,
  call: BlobCall,
): Promise<AppliedDiff> {
  const what = `layer ${layer.digest}`;
  if (!isLayerType(layer.mediaType)) {
    throw new StorageError("ERR_UNIMPLEMENTED", `cannot apply ${what}: media type ${JSON.stringify(layer.mediaType)}`);
  }
  requirePerformable(mounts, `apply ${what}`);
  await using file = await blobs.open(layer, call);
  requireSize(what, layer.size, file.sizeBytes);
  await using target = await openTarget(context, mounts, what);
  await using staging = await stageFor(context, target.place.dir, what);
  const { diffId, uncompressedBytes } = await context.pool.applyOnto(
    {
      what,
      file: { path: file.path, offsetBytes: file.offsetBytes, sizeBytes: file.sizeBytes },
      expectedDigest: layer.digest,
      expectedDiffId: null,
      stagingDir: staging.path,
      place: { ...target.place, syncs },
    },
    { signal: call.signal, isUrgent: true },
  );
  return { diffId, uncompressedBytes };
}

interface Target extends AsyncDisposable {
  readonly place: Omit<Place, "syncs">;
}

async function openTarget({ snapshotter }: DifferContext, mounts: readonly Mount[], what: string): Promise<Target> {
  const stack = stackOf(mounts);
  const nothingToDo = (): Promise<void> => Promise.resolve();
  const isReadOnly = stack?.type === "overlay" ? stack.upperDir === undefined : stack?.isReadOnly === true;
  if (mounts.length === 0 || isReadOnly) {
    const reason = mounts.length === 0 ? "there are no mounts" : "the mount is read-only";
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot apply ${what}: ${reason}`);
  }
  if (stack?.type === "overlay" && stack.upperDir !== undefined && (await isEmpty(stack.upperDir, what))) {
    const lowers = stack.lowerDirs.map((dir) => ({ dir, whiteouts: [], opaques: [] }));
    const place = { dir: stack.upperDir, form: "overlay" as const, lowers, overlayXattr: stack.overlayXattr };
    return { place, [Symbol.asyncDispose]: nothingToDo };
  }
  const tree = { form: "tree" as const, lowers: [], overlayXattr: "trusted.overlay." as const };
  if (stack?.type === "directory") return { place: { dir: stack.dir, ...tree }, [Symbol.asyncDispose]: nothingToDo };
  const mounted = await mountPrivately(snapshotter, mounts);
  return { place: { dir: mounted.dir, ...tree }, [Symbol.asyncDispose]: () => mounted[Symbol.asyncDispose]() };
}

async function isEmpty(dir: string, what: string): Promise<boolean> {
  try {
    return (await readdir(dir)).length === 0;
  } catch (error) {
    throw asStorageError(error, `cannot apply ${what}`);
  }
}

/** Where the layer is laid before it is moved, which must be on the same mount. */
async function stageFor({ root, snapshotter }: DifferContext, dir: string, what: string): Promise<StagingDirectory> {
  if (dir.startsWith(`${join(root, "snapshots")}/`)) {
    try {
      return await snapshotter.stage();
    } catch (error) {
      throw inContext(error, `cannot apply ${what}`);
    }
  }
  const path = join(dir, `.laminate-${randomUUID()}`);
  try {
    keepingTimes(dir, () => {
      makeDirectory(path, 0o700);
      makeDirectory(join(path, "fs"), 0o755);
    });
  } catch (error) {
    throw asStorageError(error, `cannot apply ${what}`);
  }
  return {
    path,
    [Symbol.asyncDispose]: () => {
      if (existsSync(path)) {
        keepingTimes(dir, () => {
          removeTree(path);
        });
      }
      return Promise.resolve();
    },
  };
}

function keepingTimes(dir: string, change: () => void): void {
  const fd = openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY);
  try {
    editDirectory(fd, rootPath, change);
  } finally {
    closeFd(fd);
  }
}
