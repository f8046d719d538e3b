/** `rmi` and the sweep behind it: what no image names and no container stands on goes, and nothing else. */
import type { ChainId, Digest } from "../base/digest.ts";
import { StorageError, hasCode } from "../base/errors.ts";
import { tryParseReference } from "../oci/reference.ts";
import { isHeld, isLent } from "../snapshot/lent.ts";
import type { RemovedImage } from "./image-types.ts";
import { blobsOf } from "./image-store.ts";
import { publishIndex } from "./load.ts";
import { lockStore } from "./store-lock.ts";
import type { UnpackContext } from "./unpack.ts";

export interface RemoveOptions {
  /** Also with several names, or with containers, which keep the layers they stand on. */
  readonly force?: boolean;
  /** Names of the containers made from a manifest. */
  readonly containersOf: (manifest: Digest) => readonly string[];
}

export type SweepContext = Pick<UnpackContext, "content" | "images" | "snapshotter">;

/**
 * By a name: drops the name, and with the last one the image. By ID: drops all names, if there is one or with force.
 * @throws {StorageError} ERR_NOT_FOUND; ERR_FAILED_PRECONDITION while a container uses it, unless forced.
 */
export async function removeImage(
  context: SweepContext,
  reference: string,
  { force = false, containersOf }: RemoveOptions,
): Promise<RemovedImage> {
  const image = await context.images.locate(reference);
  const canonical = tryParseReference(reference)?.canonical;
  const byName = canonical !== undefined && image.names.includes(canonical);
  const untagged = byName ? [canonical] : image.names;
  const last = untagged.length === image.names.length;
  if (!byName && image.names.length > 1 && !force) {
    throw blocked(reference, `it has several names (${image.names.join(", ")}); use force to drop them all`);
  }
  const users = last ? containersOf(image.descriptor.digest) : [];
  if (users.length > 0 && !force) {
    const [what, that] =
      users.length > 1 ? ["containers", "use it; remove them"] : ["container", "uses it; remove that"];
    throw blocked(reference, `${what} ${users.join(", ")} ${that} first, or use force`);
  }
  await using _unfinished = await context.content.startIngest(`remove ${crypto.randomUUID()}`);
  context.images.forget(image, last ? "all" : untagged);
  // Before anything goes, so that index.json never names what is gone.
  await publishIndex(context);
  const swept = last ? await sweep(context) : { deleted: [], reclaimedBytes: 0 };
  return { untagged, ...swept };
}

/** Finishes what a process that died while loading or removing had begun. */
export async function recover(context: SweepContext): Promise<void> {
  if (!context.content.hadUnfinished) return;
  await publishIndex(context);
  await sweep(context);
}

function blocked(reference: string, reason: string): StorageError {
  return new StorageError("ERR_FAILED_PRECONDITION", `cannot remove image ${reference}: ${reason}`);
}

interface Swept {
  /** Config and manifest digests, then layer blobs, then chainIDs, topmost first. */
  readonly deleted: readonly Digest[];
  readonly reclaimedBytes: number;
}

/**
 * Deletes blobs and unpacked layers that no image reaches and no pull waits for. Layers below an active or view snapshot stay, and everything
 * while an image is damaged.
 */
export async function sweep(context: SweepContext): Promise<Swept> {
  const { content, images, snapshotter } = context;
  using _lock = await lockStore(content.root, "exclusive");
  const { readable: open, damaged } = await images.openAll();
  // What a damaged image needs is not known, so nothing is known to be unneeded.
  if (damaged.length > 0) return { deleted: [], reclaimedBytes: 0 };
  const liveBlobs = new Set([...open.flatMap(blobsOf), ...content.wantedBlobs()]);
  const liveChains = new Set<string>(open.flatMap((image) => image.chainIds));

  const rows = images.layerRows();
  const gone: ChainId[] = [];
  let reclaimedBytes = 0;
  for (const chain of topmostFirst([...rows.keys()].filter((chain) => !liveChains.has(chain)) as ChainId[], rows)) {
    if (!(await removeUnlessUsed(snapshotter, chain))) continue;
    gone.push(chain);
    reclaimedBytes += rows.get(chain)?.size_bytes ?? 0;
  }
  images.forgetLayers(gone);
  await snapshotter.cleanup();

  const blobs: Digest[] = [];
  for (const { digest, sizeBytes } of await content.list()) {
    if (liveBlobs.has(digest) || !(await content.delete(digest))) continue;
    blobs.push(digest);
    reclaimedBytes += sizeBytes;
  }
  return { deleted: [...blobs, ...gone], reclaimedBytes };
}

/** Children before parents, so that each can be removed when its turn comes. */
function topmostFirst(
  chains: readonly ChainId[],
  rows: ReadonlyMap<string, { readonly parent_chain_id: string }>,
): ChainId[] {
  const depth = (chain: string): number => {
    let steps = 0;
    for (let at = rows.get(chain)?.parent_chain_id; at !== undefined && at !== ""; at = rows.get(at)?.parent_chain_id) {
      steps++;
    }
    return steps;
  };
  return chains
    .map((chain) => ({ chain, depth: depth(chain) }))
    .sort((a, b) => b.depth - a.depth)
    .map(({ chain }) => chain);
}

/** False when something stands on it, or containerd uses it or is about to. A snapshot that is gone already counts as removed. */
async function removeUnlessUsed(snapshotter: SweepContext["snapshotter"], chain: ChainId): Promise<boolean> {
  try {
    const info = await snapshotter.stat(chain);
    if (isLent(info) || isHeld(info)) return false;
    await snapshotter.remove(chain);
    return true;
  } catch (error) {
    if (hasCode(error, "ERR_FAILED_PRECONDITION")) return false;
    if (hasCode(error, "ERR_NOT_FOUND")) return true;
    throw error;
  }
}
