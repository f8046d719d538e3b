/** Image manifests (image-spec manifest.md; Docker's schema 2 is the same document under other media types). */
import { StorageError } from "../base/errors.ts";
import { type Descriptor, descriptorFrom, documentDescriptorFrom, orderedDescriptor } from "./descriptor.ts";
import { type JsonFields, parseJsonObject } from "./json.ts";
import { isManifestType, mediaTypes } from "./media-type.ts";

/** Most layers of one image. */
export const maxLayers = 10_000;

export interface Manifest {
  readonly schemaVersion: 2;
  /** As written, or that of the descriptor it was found by, or OCI's. */
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Bottom layer first. */
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * @param found the descriptor that led here: names the document in errors, and its media type must not contradict it.
 * The caller has checked the bytes against its size and digest.
 * @throws {StorageError} ERR_INVALID_ARGUMENT naming the field, also when the document could be taken for an index;
 * ERR_RESOURCE_EXHAUSTED when it is longer than 4 MiB.
 */
export function parseManifest(bytes: Uint8Array, found?: Descriptor): Manifest {
  const fields = parseJsonObject(bytes, documentName("manifest", found));
  const mediaType = documentType(fields, found, isManifestType, mediaTypes.ociManifest);
  fields.forbid(["manifests"], "belongs to an index, and this is a manifest");
  fields.forbid(["fslayers"], "belongs to schema 1, which is not supported");
  const annotations = fields.optionalStringMap("annotations");
  return {
    schemaVersion: 2,
    mediaType,
    config: documentDescriptorFrom(fields.object("config")),
    layers: fields.objects("layers", maxLayers).map(descriptorFrom),
    ...(annotations && { annotations }),
  };
}

/** Deterministic: equal manifests give equal bytes, hence equal digests. */
export function encodeManifest(manifest: Omit<Manifest, "schemaVersion">): Uint8Array {
  const { mediaType, config, layers, annotations } = manifest;
  if (layers.length > maxLayers) {
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot write manifest: ${layers.length} layers > ${maxLayers}`);
  }
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: orderedDescriptor(config),
      layers: layers.map(orderedDescriptor),
      ...(annotations && { annotations }),
    }),
  );
}

export function documentName(kind: string, found: Descriptor | undefined): string {
  return found === undefined ? kind : `${kind} ${found.digest}`;
}

/** The media type of a document that says `schemaVersion` 2, checked against what its descriptor promised. */
export function documentType(
  fields: JsonFields,
  found: Descriptor | undefined,
  isRight: (mediaType: string) => boolean,
  fallback: string,
): string {
  if (fields.size("schemaVersion") !== 2) throw fields.invalid("schemaVersion", "is not 2");
  const written = fields.optionalString("mediaType", 255);
  const mediaType = written ?? found?.mediaType ?? fallback;
  if (found !== undefined && written !== undefined && written !== found.mediaType) {
    throw fields.invalid("mediaType", `is ${JSON.stringify(written)}, but its descriptor says ${found.mediaType}`);
  }
  if (!isRight(mediaType))
    throw fields.invalid("mediaType", `is ${JSON.stringify(mediaType)}, another kind of document`);
  return mediaType;
}
