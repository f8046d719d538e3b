import type { CopiedImage, CopyImageOptions } from "./copied-image.ts";

export type { CopiedImage, CopyImageOptions } from "./copied-image.ts";

/**
 * Copies an image between registries, OCI layouts and archives without unpacking it: `source` is a reference, `docker://REF`,
 * or what Storage.load takes; `target` a reference, `docker://REF`, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]` or
 * `docker-archive:FILE[:REF]`. Blobs that the target has are not sent. When it fails the target is as it was: nothing has
 * the name, and files that were begun are gone.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for a place that is none; ERR_DATA_LOSS naming both digests for bytes that
 * are not the promised ones; ERR_ALREADY_EXISTS for an archive that is there; what registries say; the signal's reason.
 */
export async function copyImage(source: string, target: string, options: CopyImageOptions = {}): Promise<CopiedImage> {
  return (await import("./copy-image.ts")).copyBetween(source, target, options);
}
