/** One planned image into a store, by the door. */
import { StorageError } from "../../base/errors.ts";
import type { LoadOptions, Storage } from "../../storage-types.ts";
import { parseReference } from "../../oci/reference.ts";
import { keyOf, type PlannedImage } from "../plan/planned-image.ts";
import type { SetClient } from "../plan/set-client.ts";

export interface ImportContext {
  readonly storage: Storage;
  readonly client: SetClient;
}

export interface ImportedContent {
  /** Of the manifest. */
  readonly digest: string | null;
  readonly warnings: readonly string[];
}

/**
 * Exactly what was planned, whatever its tag or its file means by now.
 * @throws {StorageError} as Storage.pull, load and tag; ERR_DATA_LOSS when a file has changed since it was planned.
 */
export async function importImage(
  { storage, client }: ImportContext,
  image: PlannedImage,
  { signal, onProgress }: Pick<LoadOptions, "signal" | "onProgress">,
): Promise<ImportedContent> {
  const options = {
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    ...(image.platform !== null && { platform: image.platform }),
  };
  let digest: string;
  let warnings: readonly string[];
  if (image.kind === "registry") {
    const reference = parseReference(image.source);
    if (image.resolved !== null) client.pin(reference, image.resolved);
    const pulled = await storage.pull(image.source, { ...options, client });
    digest = pulled.manifestDigest;
    ({ warnings } = pulled);
  } else {
    const loaded = await storage.load(image.source, options);
    const ids = new Set<string>(loaded.map(({ id }) => id));
    if (ids.size !== image.contents.length || !image.contents.every(({ id }) => ids.has(id))) {
      const reason = "its file has changed since it was planned; plan again";
      throw new StorageError("ERR_DATA_LOSS", `cannot import ${keyOf(image)}: ${reason}`);
    }
    digest = (await storage.images.get(loaded[0]?.id ?? "")).manifestDigest;
    warnings = loaded.flatMap((each) => each.warnings);
  }
  for (const tag of image.tags) await storage.images.tag(digest, tag);
  return { digest, warnings };
}
