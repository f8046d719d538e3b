import { StorageError } from "../base/errors.ts";
import type { DifferContext } from "../differ/differ.ts";
import { openDiffer } from "../differ/open-differ.ts";
import type { LoadedImage } from "../image/image-types.ts";
import { loadImage } from "../image/load.ts";
import { sweep } from "../image/remove.ts";
import type { SourceImage } from "../image/sources/image-source.ts";
import type { UnpackContext, UnpackOptions } from "../image/unpack.ts";
import { registerImage, type RegisterTarget } from "./register-image.ts";

export type LoadIntoContext = UnpackContext & Pick<DifferContext, "root">;

/**
 * Loads an image into containerd instead of the store: its layers are unpacked in the store, all at once and proven as
 * ever, and lent to containerd from there. An image that the store had before stays; otherwise the store forgets it,
 * and keeps the layers for as long as containerd does.
 * @throws {StorageError} what loadImage and registerImage throw.
 */
export async function loadInto(
  context: LoadIntoContext,
  image: SourceImage,
  target: RegisterTarget,
  options: UnpackOptions,
): Promise<LoadedImage> {
  const { content, images } = context;
  const before = new Set(images.all().map(({ descriptor }) => descriptor.digest));
  // Without its names: those of the store's images are not touched.
  const loaded = await loadImage(context, { ...image, names: [] }, options);
  const { readable } = await images.openAll();
  const stored = readable.find(({ manifest }) => manifest.config.digest === loaded.id);
  if (stored === undefined) {
    throw new StorageError("ERR_ABORTED", `cannot pass on image ${loaded.id}: it was removed meanwhile`);
  }
  const { digest } = stored.descriptor;
  try {
    const names = image.names.length > 0 ? image.names : [`import-${today()}@${digest}`];
    await registerImage(stored, names, content, (blobs) => openDiffer(context, blobs), target);
    return { ...loaded, names };
  } finally {
    if (!before.has(digest)) {
      images.forget(stored, [digest]);
      await sweep(context);
    }
  }
}

/** As `ctr image import` calls what has no name. */
function today(): string {
  return new Date().toISOString().slice(0, 10);
}
