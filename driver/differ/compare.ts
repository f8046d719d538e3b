import { randomUUID } from "node:crypto";
import { StorageError } from "../base/errors.ts";
import type { DiffKind } from "../diff/changes.ts";
import { createLayer } from "../diff/create-layer.ts";
import type { Mount } from "../mount/mount.ts";
import { formatOverlayOptions } from "../mount/overlay-options.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { compressionOfType, isNondistributable, layerTypeFor } from "../oci/media-type.ts";
import type { BlobCall, CompareRequest, DifferContext, ForeignBlobs } from "./differ.ts";
import { requirePerformable, stackOf } from "./mount-stacks.ts";
import { mountPrivately } from "./private-mount.ts";

/** Where the digest of the uncompressed bytes is written beside a layer's blob. */
const uncompressedLabel = "containerd.io/uncompressed";

/**
 * Makes a layer of what `right` has changed over `left` and stores it. An overlay over exactly the left side is told
 * by its upper directory alone; anything else is compared tree by tree.
 * @throws {StorageError} ERR_UNIMPLEMENTED for what another differ may know: media types, mounts; what createLayer and
 * the store throw.
 */
export async function compareMounts(
  context: DifferContext,
  blobs: ForeignBlobs,
  request: CompareRequest,
  call: BlobCall,
): Promise<Descriptor> {
  const { left, right, ref, labels, sourceDateEpoch } = request;
  const mediaType = request.mediaType === "" ? layerTypeFor("gzip") : request.mediaType;
  const compression = isNondistributable(mediaType) ? undefined : compressionOfType(mediaType);
  if (compression === undefined) {
    throw new StorageError("ERR_UNIMPLEMENTED", `cannot make a layer: media type ${JSON.stringify(mediaType)}`);
  }
  requirePerformable([...left, ...right], "compare mounts");
  const namespace = call.namespace ?? (await namespaceOf(context, right));
  if (namespace === undefined) {
    throw new StorageError("ERR_UNIMPLEMENTED", "cannot store a layer: neither call nor snapshot names a namespace");
  }
  await using scope = new AsyncDisposableStack();
  const kind = await kindOf(context, left, right, scope);
  await using ingest = await context.content.startIngest(`diff ${randomUUID()}`);
  const {
    digest,
    diffId,
    sizeBytes: size,
  } = await createLayer(
    { what: "layer of the changes", kind, compression, ingestPath: ingest.path, sourceDateEpoch },
    { signal: call.signal },
  );
  const blob = {
    digest,
    size,
    ref: ref === "" ? `laminate-diff-${randomUUID()}` : ref,
    labels: { ...labels, [uncompressedLabel]: diffId },
  };
  await blobs.write(ingest.path, blob, { ...call, namespace });
  return { mediaType, digest, size };
}

/** Some versions of containerd send no namespace along; but keys begin with it: "default/12/web". */
async function namespaceOf({ snapshotter }: DifferContext, mounts: readonly Mount[]): Promise<string | undefined> {
  const [top] = dirsOf(mounts) ?? [];
  const owner = top === undefined ? undefined : await snapshotter.ownerOf(top);
  return /^([^/]+)\/[0-9]+\//.exec(owner ?? "")?.[1];
}

async function kindOf(
  context: DifferContext,
  left: readonly Mount[],
  right: readonly Mount[],
  scope: AsyncDisposableStack,
): Promise<DiffKind> {
  const above = stackOf(right);
  const below = left.length === 0 ? [] : dirsOf(left);
  if (above?.type === "overlay" && above.overlayXattr === "trusted.overlay." && below !== undefined) {
    const [upperDir, ...lowers] = dirsOf(right) ?? [];
    const isSame = lowers.length === below.length && lowers.every((dir, at) => dir === below[at]);
    if (upperDir !== undefined && isSame) {
      return { type: "overlay", upperDir, lowers: lowers.map((dir) => ({ dir, whiteouts: [], opaques: [] })) };
    }
  }
  return {
    type: "trees",
    lowerDir: left.length === 0 ? null : await treeOf(context, left, scope),
    upperDir: await treeOf(context, right, scope),
  };
}

/** Layers that the mounts show, topmost first. */
function dirsOf(mounts: readonly Mount[]): readonly string[] | undefined {
  const stack = stackOf(mounts);
  if (stack === undefined) return undefined;
  if (stack.type === "directory") return [stack.dir];
  return stack.upperDir === undefined ? stack.lowerDirs : [stack.upperDir, ...stack.lowerDirs];
}

/**
 * An upper directory may be in use, and the kernel wants it mounted once only; to look at, it is a layer like others.
 */
async function treeOf(
  { snapshotter }: DifferContext,
  mounts: readonly Mount[],
  scope: AsyncDisposableStack,
): Promise<string> {
  const stack = stackOf(mounts);
  const [first, ...more] = dirsOf(mounts) ?? [];
  if (first !== undefined && more.length === 0) return first;
  if (stack?.type !== "overlay") return scope.use(await mountPrivately(snapshotter, mounts)).dir;
  const others = stack.overlayXattr === "user.overlay." ? ["userxattr"] : [];
  const options = [...formatOverlayOptions({ lowerDirs: dirsOf(mounts) ?? [], others }), "ro"];
  return scope.use(await mountPrivately(snapshotter, [{ type: "overlay", source: "overlay", target: "", options }]))
    .dir;
}
