/** An image's layers without the image: for containerd, which keeps names and documents itself and asks for layers. */
import { heldFromNow } from "../snapshot/lent.ts";
import { recordLayers } from "./image-store.ts";
import { labelOf, layerRows, layersOf, untilNotAborted } from "./load.ts";
import { sweep } from "./remove.ts";
import type { SourceImage } from "./sources/image-source.ts";
import { lockStore } from "./store-lock.ts";
import { type UnpackContext, type UnpackOptions, unpackLayers } from "./unpack.ts";

export interface HeldLayers {
  readonly extracted: number;
  readonly reused: number;
  /** As of LoadedImage. */
  readonly warnings: readonly string[];
}

/**
 * Unpacks what is missing of an image's layers, all at once and proven as ever. They are held for a while without
 * belonging to an image (see snapshot/lent.ts), and their stored bytes are not kept.
 * @throws {StorageError} as loadImage. Nothing of the image is visible then; what came of it is dropped, unless the
 * signal was the reason: then it waits for the next pull.
 */
export async function holdLayers(
  context: UnpackContext,
  image: SourceImage,
  options: Pick<UnpackOptions, "signal" | "onProgress">,
): Promise<HeldLayers> {
  try {
    const held = await untilNotAborted(() => holdOnce(context, image, options));
    await dropBytes(context, image);
    return held;
  } catch (error) {
    if (options.signal?.aborted !== true) await dropBytes(context, image).catch(() => undefined);
    throw error;
  }
}

async function holdOnce(
  context: UnpackContext,
  image: SourceImage,
  { signal, onProgress }: Pick<UnpackOptions, "signal" | "onProgress">,
): Promise<HeldLayers> {
  const { snapshotter, content } = context;
  const options = { signal, onProgress, needsBlob: () => false };
  await using unpacked = await unpackLayers(context, labelOf(image), layersOf(image), options);
  signal?.throwIfAborted();
  {
    using _lock = await lockStore(content.root, "shared", { signal });
    await unpacked.commitBlobs();
    const labels = heldFromNow();
    const rows = layerRows(unpacked);
    await snapshotter.adopt(
      unpacked.toAdopt.map((layer) => ({ ...layer, labels })),
      (sql) => {
        recordLayers(sql, rows);
      },
    );
  }
  return { extracted: unpacked.toAdopt.length, reused: unpacked.reused, warnings: unpacked.warnings };
}

async function dropBytes(context: UnpackContext, { layers }: SourceImage): Promise<void> {
  for (const { descriptor } of layers) if (descriptor.digest !== null) context.content.forgetPartial(descriptor.digest);
  await sweep(context);
}
