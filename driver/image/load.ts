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
import { type UnpackContext, type UnpackOptions, type UnpackedLayers, unpackLayers } from "./unpack.ts";

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
  for (let attempt = 1; ; attempt++) {
    try {
      return await loadOnce(context, image, options);
    } catch (error) {
      if (!hasCode(error, "ERR_ABORTED") || attempt === maxAttempts) throw error;
    }
  }
}

async function loadOnce(context: UnpackContext, image: SourceImage, options: UnpackOptions): Promise<LoadedImage> {
  const { snapshotter, content } = context;
  const { config } = image;
  const [name] = image.names;
  const label = name === undefined ? `image ${config.descriptor.digest}` : parseReference(name).familiar;
  const chains = chainIds(config.parsed.rootfs.diff_ids);
  if (chains.length !== image.layers.length) {
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot load ${label}: its config lists ${chains.length} diffIDs, its manifest ${image.layers.length} layers`,
    );
  }
  const layers = image.layers.flatMap((source, at) => {
    const chainId = chains[at];
    return chainId === undefined ? [] : [{ source, chainId }];
  });
  await using unpacked = await unpackLayers(context, label, layers, options);
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

function layerRows({ toAdopt, descriptors, reused }: UnpackedLayers): readonly LayerRow[] {
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
