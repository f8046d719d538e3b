/** `load`: every image of a source becomes a visible image, one after the other, each whole or not at all. */
import { StorageError, hasCode } from "../base/errors.ts";
import type { LayerRow } from "../metadata/schema.ts";
import { chainIds } from "../oci/chain-id.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { annotations } from "../oci/annotations.ts";
import { parseReference } from "../oci/reference.ts";
import type { LoadedImage } from "./image-types.ts";
import { recordImage } from "./image-store.ts";
import type { SourceImage } from "./sources/image-source.ts";
import { lockStore } from "./store-lock.ts";
import {
  type LayerToUnpack,
  type UnpackContext,
  type UnpackOptions,
  type UnpackedLayers,
  unpackLayers,
} from "./unpack.ts";

const maxAttempts = 5;

/**
 * @throws {StorageError} ERR_DATA_LOSS naming the descriptor and both digests; ERR_INVALID_ARGUMENT; ERR_CANCELED; the
 * store is then as it was before.
 */
export async function loadImage(
  context: UnpackContext,
  image: SourceImage,
  options: UnpackOptions,
): Promise<LoadedImage> {
  return untilNotAborted(() => loadOnce(context, image, options));
}

/** Begins anew when a removal has taken what was to be reused. */
export async function untilNotAborted<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!hasCode(error, "ERR_ABORTED") || attempt === maxAttempts) throw error;
    }
  }
}

async function loadOnce(context: UnpackContext, image: SourceImage, options: UnpackOptions): Promise<LoadedImage> {
  const { snapshotter, content } = context;
  const { config } = image;
  await using unpacked = await unpackLayers(context, labelOf(image), layersOf(image), options);
  const manifest = image.manifestFor(unpacked.descriptors);
  options.signal?.throwIfAborted();
  {
    using _lock = await lockStore(content.root, "shared", options);
    await unpacked.commitBlobs();
    await content.writeBlob(config.bytes, { expected: config.descriptor });
    await content.writeBlob(manifest.bytes, { expected: manifest.descriptor });
    const rows = layerRows(unpacked);
    await snapshotter.adopt(unpacked.toAdopt, (sql) => {
      recordImage(sql, manifest.descriptor, image.names, rows);
    });
  }
  await publishIndex(context);
  return {
    names: image.names,
    id: config.descriptor.digest,
    layersExtracted: unpacked.toAdopt.length,
    layersReused: unpacked.reused,
    warnings: unpacked.warnings,
  };
}

/** How to call an image in messages. */
export function labelOf({ names: [name], config }: SourceImage): string {
  return name === undefined ? `image ${config.descriptor.digest}` : parseReference(name).familiar;
}

/**
 * With their chainIDs, bottom first.
 * @throws {StorageError} ERR_INVALID_ARGUMENT when config and manifest do not have as many.
 */
export function layersOf(image: SourceImage): readonly LayerToUnpack[] {
  const chains = chainIds(image.config.parsed.rootfs.diff_ids);
  if (chains.length !== image.layers.length) {
    const [diffIds, layers] = [chains.length, image.layers.length];
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot load ${labelOf(image)}: its config lists ${diffIds} diffIDs, its manifest ${layers} layers`,
    );
  }
  return image.layers.flatMap((source, at) => {
    const chainId = chains[at];
    return chainId === undefined ? [] : [{ source, chainId }];
  });
}

export function layerRows({ toAdopt, descriptors, reused }: UnpackedLayers): readonly LayerRow[] {
  return toAdopt.map(({ name, parent, settled }, at) => ({
    chain_id: name,
    diff_id: settled.layer.diffId,
    blob_digest: settled.layer.digest,
    blob_size: descriptors[reused + at]?.size ?? 0,
    parent_chain_id: parent,
    inodes: settled.usage.inodes,
    size_bytes: settled.usage.sizeBytes,
  }));
}

/** index.json says what the database says: one descriptor a name, and one for an image without any. */
export async function publishIndex({ content, images }: Pick<UnpackContext, "content" | "images">): Promise<void> {
  await content.writeIndex(() =>
    images.all().flatMap(({ descriptor, names }): Descriptor[] => {
      if (names.length === 0) return [descriptor];
      return names.map((name) => ({
        ...descriptor,
        annotations: { [annotations.refName]: parseReference(name).familiar, [annotations.imageName]: name },
      }));
    }),
  );
}
