/** The documents with which a layout or an archive names its images. */
import { type Digest, encodedOf } from "../base/digest.ts";
import { annotations } from "../oci/annotations.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Manifest } from "../oci/manifest.ts";
import { tryParseReference } from "../oci/reference.ts";

export const layoutVersion: Uint8Array = json({ imageLayoutVersion: "1.0.0" });

export function blobPath(digest: Digest): string {
  return `blobs/sha256/${encodedOf(digest)}`;
}

/** Under the name as it was given, which skopeo and umoci look for, and under the whole one where it is a reference. */
export function namedEntry({ mediaType, digest, size }: Descriptor, name: string | undefined): Descriptor {
  if (name === undefined) return { mediaType, digest, size };
  const whole = /[/:@]/.test(name) ? tryParseReference(name)?.canonical : undefined;
  return {
    ...{ mediaType, digest, size },
    annotations: { [annotations.refName]: name, ...(whole !== undefined && { [annotations.imageName]: whole }) },
  };
}

/** manifest.json of a docker-archive with one image. */
export function dockerManifest({ config, layers }: Manifest, name: string | undefined): Uint8Array {
  const RepoTags = name === undefined ? null : [name];
  return json([{ Config: blobPath(config.digest), RepoTags, Layers: layers.map(({ digest }) => blobPath(digest)) }]);
}

export function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
