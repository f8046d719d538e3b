/** Image indexes (image-spec image-index.md): several manifests under one digest, one for each platform. */
import { type Descriptor, descriptorFrom, orderedDescriptor } from "./descriptor.ts";
import { parseJsonObject } from "./json.ts";
import { documentName, documentType } from "./manifest.ts";
import { isIndexType, mediaTypes } from "./media-type.ts";

const maxManifests = 10_000;

export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Reads an index, Docker's manifest list, or the index.json of a layout. `manifests` may be empty, not null.
 * @param found the descriptor that led here, as for {@link parseManifest}.
 * @throws {StorageError} ERR_INVALID_ARGUMENT naming the field, also when the document could be taken for a manifest;
 * ERR_RESOURCE_EXHAUSTED when it is longer than 4 MiB.
 */
export function parseIndex(bytes: Uint8Array, found?: Descriptor): ImageIndex {
  const fields = parseJsonObject(bytes, documentName("index", found));
  const mediaType = documentType(fields, found, isIndexType, mediaTypes.ociIndex);
  fields.forbid(["layers", "config", "fslayers"], "belongs to a manifest, and this is an index");
  const annotations = fields.optionalStringMap("annotations");
  return {
    schemaVersion: 2,
    mediaType,
    manifests: fields.objects("manifests", maxManifests).map(descriptorFrom),
    ...(annotations && { annotations }),
  };
}

/** Deterministic, as {@link encodeManifest}. */
export function encodeIndex(manifests: readonly Descriptor[]): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: manifests.map(orderedDescriptor),
    }),
  );
}
