/** Many layers made one: `image flatten` and `commit --squash`. The files are those that the layers show together. */
import type { DiffId, Digest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import { createLayer } from "../diff/create-layer.ts";
import type { LowerLayer } from "../extract/staged-layer.ts";
import type { Compression } from "../oci/compression.ts";
import { squashedConfig } from "./commit-config.ts";
import { createdTime, sourceDateEpoch } from "./created-time.ts";
import { namesOf } from "./image-names.ts";
import { objectAt, parseRawConfig, type RawObject } from "./raw-config.ts";
import { requireLayers } from "./require-layers.ts";
import { readSoleLayer, storeSoleImage } from "./sole-layer.ts";
import { stacksDiff } from "./stacks.ts";
import type { UnpackContext } from "./unpack.ts";

export interface FlattenOptions {
  /** A name with a tag; without one the image is only found by its ID. */
  readonly reference?: string | undefined;
  /** Shown by history; says what was flattened, unless given. */
  readonly message?: string | undefined;
  /** Of the new layer's blob; "gzip" by default. */
  readonly compression?: Compression | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface FlattenedImage {
  readonly id: Digest;
  readonly manifestDigest: Digest;
  /** Canonical; empty without a reference. */
  readonly names: readonly string[];
  /** What of the files no layer can hold, for people. */
  readonly warnings: readonly string[];
}

/**
 * An image with the files and the config of another, in one layer and with one line of history. The other stays.
 * @throws {StorageError} ERR_NOT_FOUND for the image; ERR_FAILED_PRECONDITION for one without layers;
 * ERR_INVALID_ARGUMENT for the reference; what createLayer throws.
 */
export async function flattenImage(
  context: UnpackContext,
  source: string,
  { reference, message, compression = "gzip", signal }: FlattenOptions,
): Promise<FlattenedImage> {
  const names = namesOf(reference);
  const image = await context.images.find(source);
  const top = image.chainIds.at(-1);
  if (top === undefined) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot flatten ${source}: the image has no layers`);
  }
  const raw = parseRawConfig(await context.content.readSmall(image.manifest.config));
  const epoch = sourceDateEpoch();
  const created = createdTime(epoch);
  const count = image.chainIds.length;
  const comment = message ?? `${count} ${count === 1 ? "layer" : "layers"} of ${source} flattened`;
  const describe = (diffId: DiffId): RawObject =>
    squashedConfig(raw, objectAt(raw, "config"), { diffId, created, createdBy: "", comment, author: "" });
  const uppers = await context.snapshotter.lowerLayers(top);
  const wanted = { what: `layer of ${source} flattened`, uppers, names, compression, epoch, signal, describe };
  return storeFlattened(context, wanted, () => requireLayers(context, image));
}

export interface Flattening {
  /** Names the layer in errors. */
  readonly what: string;
  /** Topmost first, and changed by nobody meanwhile. */
  readonly uppers: readonly LowerLayer[];
  /** Canonical. */
  readonly names: readonly string[];
  readonly compression: Compression;
  /** Seconds since 1970: later mtimes become this one. */
  readonly epoch: bigint | undefined;
  readonly signal: AbortSignal | undefined;
  /** The image's config. */
  readonly describe: (diffId: DiffId) => RawObject;
}

/** `recheck` is called right before all becomes visible, and throws when what is read from has gone. */
export async function storeFlattened(
  context: UnpackContext,
  { what, uppers, names, compression, epoch, signal, describe }: Flattening,
  recheck: () => Promise<void>,
): Promise<FlattenedImage> {
  await using scope = new AsyncDisposableStack();
  const ingest = scope.use(await context.content.startIngest(`flatten ${crypto.randomUUID()}`));
  const kind = stacksDiff(context.snapshotter, [], uppers);
  const made = await createLayer(
    { what, kind, compression, ingestPath: ingest.path, sourceDateEpoch: epoch },
    { signal },
  );
  const file = { path: ingest.path, offsetBytes: 0, sizeBytes: made.sizeBytes };
  const expected = { digest: made.digest, diffId: made.diffId };
  const layer = await readSoleLayer(context, { what, file, expected, ingestPath: ingest.path, signal }, scope);
  signal?.throwIfAborted();
  const image = { config: describe(made.diffId), mediaType: made.mediaType, names };
  const stored = await storeSoleImage(context, layer, image, recheck);
  return { ...stored, names, warnings: [...made.warnings, ...layer.applied.warnings] };
}
