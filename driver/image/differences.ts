/** `diff` of any two things that have files: containers, images, and layers with what is below them. */
import { encodedOf, parseDigest } from "../base/digest.ts";
import { hasCode, StorageError } from "../base/errors.ts";
import type { Change } from "../diff/changes.ts";
import { listChanges } from "../diff/list-changes.ts";
import type { LowerLayer } from "../extract/staged-layer.ts";
import type { LayerRow } from "../metadata/schema.ts";
import type { ContainerChange } from "./container-changes.ts";
import { stacksDiff, stackWith } from "./stacks.ts";
import type { UnpackContext } from "./unpack.ts";

type Context = Pick<UnpackContext, "images" | "snapshotter">;

/** Something that has files, topmost layer first, and what it stands on. */
interface Side {
  readonly shown: readonly LowerLayer[];
  readonly below: readonly LowerLayer[];
}

/**
 * What an image's or a layer's topmost layer changes; with `other`, what that has that `name` has not; in order of path.
 * `containerOf` gives the snapshot of a container of that name. A layer is named by its chainID, its diffID or the digest
 * of its blob, or the first digits of one.
 * @throws {StorageError} ERR_NOT_FOUND; ERR_INVALID_ARGUMENT for digits of several; ERR_FAILED_PRECONDITION for an image
 * without layers.
 */
export async function differences(
  context: Context,
  containerOf: (name: string) => Promise<string | undefined>,
  name: string,
  other: string | undefined,
): Promise<readonly ContainerChange[]> {
  const side = await sideOf(context, containerOf, name);
  const [lowers, uppers] =
    other === undefined ? [side.below, side.shown] : [side.shown, (await sideOf(context, containerOf, other)).shown];
  return listChanges(stacksDiff(context.snapshotter, lowers, uppers)).map(shownChange);
}

/** Bytes that are no UTF-8 are replaced. */
function shownChange({ kind, path }: Change): ContainerChange {
  return { kind, path: `/${Buffer.from(path, "latin1").toString()}` };
}

async function sideOf(
  context: Context,
  containerOf: (name: string) => Promise<string | undefined>,
  name: string,
): Promise<Side> {
  const { snapshotter } = context;
  const key = await containerOf(name);
  if (key !== undefined) {
    const { parent } = await snapshotter.stat(key);
    const below = await snapshotter.lowerLayers(parent);
    return { shown: stackWith(snapshotter, await snapshotter.ownTree(key), below), below };
  }
  const chain = (await topOf(context, name)) ?? layerOf(context, name)?.chain_id;
  if (chain === undefined) {
    throw new StorageError("ERR_NOT_FOUND", `cannot find container, image or layer ${name}`);
  }
  const below = context.images.layerRow(parseDigest(chain))?.parent_chain_id ?? "";
  return { shown: await snapshotter.lowerLayers(chain), below: await snapshotter.lowerLayers(below) };
}

async function topOf({ images }: Context, name: string): Promise<string | undefined> {
  try {
    const { chainIds } = await images.find(name);
    const top = chainIds.at(-1);
    if (top !== undefined) return top;
  } catch (error) {
    if (hasCode(error, "ERR_NOT_FOUND")) return undefined;
    throw error;
  }
  throw new StorageError("ERR_FAILED_PRECONDITION", `cannot compare ${name}: the image has no layers`);
}

function layerOf({ images }: Context, name: string): LayerRow | undefined {
  const digits = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const rows = [...images.layerRows().values()];
  const fits = (digest: string): boolean => encodedOf(parseDigest(digest)).startsWith(digits);
  const byChain = rows.filter((row) => fits(row.chain_id));
  const found = byChain.length > 0 ? byChain : rows.filter((row) => fits(row.diff_id) || fits(row.blob_digest));
  if (found.length > 1) {
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot find layer ${name}: several are called so, on different layers; give a chainID (history --layers)`,
    );
  }
  return found[0];
}
