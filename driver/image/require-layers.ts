import { parseDigest } from "../base/digest.ts";
import type { OpenImage } from "./image-store.ts";
import type { UnpackContext } from "./unpack.ts";

/**
 * Looks again, with the store's lock held, at what is reused: a forced removal may have taken the image meanwhile.
 * @throws {StorageError} ERR_NOT_FOUND.
 */
export async function requireLayers(
  { content, snapshotter }: Pick<UnpackContext, "content" | "snapshotter">,
  image: OpenImage,
): Promise<void> {
  const top = image.chainIds.at(-1);
  if (top !== undefined) await snapshotter.stat(top);
  for (const { digest } of image.manifest.layers) await content.info(parseDigest(digest));
}
