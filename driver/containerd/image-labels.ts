/** Where a layer is from, in labels that containerd's clients put on the Prepare of a layer when they are told to. */
import { type Digest, parseDigest } from "../base/digest.ts";
import { parseReference, type Reference } from "../oci/reference.ts";

export interface ImageWish {
  /** The image's repository with the digest of the manifest, of the platform that the client has chosen. */
  readonly reference: Reference;
  /** As the client calls the image. */
  readonly name: string;
  readonly layer: Digest;
}

const [refLabel, manifestLabel, layerLabel] = ["image-ref", "manifest-digest", "layer-digest"].map(
  (name) => `containerd.io/snapshot/cri.${name}`,
) as [string, string, string];

/**
 * Undefined when the client says nothing of it.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for what is no reference or no digest.
 */
export function imageWish(labels: Readonly<Record<string, string>>): ImageWish | undefined {
  const [ref = "", manifest = "", layer = ""] = [labels[refLabel], labels[manifestLabel], labels[layerLabel]];
  if (ref === "" || manifest === "" || layer === "") return undefined;
  const { domain, path, familiar } = parseReference(ref);
  const reference = parseReference(`${domain}/${path}@${parseDigest(manifest)}`);
  return { reference, name: familiar, layer: parseDigest(layer) };
}
