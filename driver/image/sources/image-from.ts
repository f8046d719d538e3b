/** An image from its chosen manifest: its config is read, its layers are found where the source has them. */
import { type DiffId, requireDigest } from "../../base/digest.ts";
import { StorageError } from "../../base/errors.ts";
import { nameOf } from "../../content/blob-reader.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type ImageConfig, parseImageConfig } from "../../oci/image-config.ts";
import { isLayerType } from "../../oci/media-type.ts";
import type { ChosenManifest } from "./choose-manifest.ts";
import type { Documents } from "./documents.ts";
import type { SourceImage, SourceLayer } from "./image-source.ts";
import { shown } from "./named-files.ts";

/** @throws {StorageError} when manifest and config contradict each other, or are not for Linux. */
export async function imageFrom(
  documents: Documents,
  { descriptor, bytes, manifest }: ChosenManifest,
  names: readonly string[],
  findLayer: (layer: Descriptor, diffId: DiffId) => SourceLayer | Promise<SourceLayer>,
): Promise<SourceImage> {
  const configBytes = await documents.read(manifest.config);
  const parsed = parseImageConfig(configBytes, manifest.config);
  requireLinux(parsed, nameOf(manifest.config));
  const diffIds = parsed.rootfs.diff_ids;
  requireLayerCount(nameOf(descriptor), manifest.layers.length, diffIds.length);
  const layers: SourceLayer[] = [];
  for (const [i, diffId] of diffIds.entries()) {
    const layer = manifest.layers[i];
    if (layer === undefined) continue;
    if (!isLayerType(layer.mediaType)) {
      throw new StorageError("ERR_UNIMPLEMENTED", `cannot load layer ${nameOf(layer)}: not a media type of layers`);
    }
    layers.push(await findLayer(layer, diffId));
  }
  const { mediaType, digest, size } = descriptor;
  return {
    names: Array.from(new Set(names)),
    config: { bytes: configBytes, descriptor: manifest.config, parsed },
    layers,
    manifestFor(read) {
      requireLayerCount(nameOf(descriptor), manifest.layers.length, read.length);
      for (const [i, layer] of manifest.layers.entries()) {
        requireDigest(`layer ${i} of ${nameOf(descriptor)}`, layer.digest, read[i]?.digest ?? layer.digest);
      }
      return { bytes, descriptor: { mediaType, digest, size } };
    },
  };
}

/** @throws {StorageError} ERR_INVALID_ARGUMENT naming `what` and both counts. */
export function requireLayerCount(what: string, layers: number, diffIds: number): void {
  if (layers === diffIds) return;
  throw new StorageError(
    "ERR_INVALID_ARGUMENT",
    `cannot load ${what}: it has ${layers} layers, and its config ${diffIds} diffIDs`,
  );
}

/** @throws {StorageError} ERR_FAILED_PRECONDITION for images of other systems, whose layers mean other things. */
export function requireLinux({ os, architecture }: ImageConfig, what: string): void {
  if (os === "" || os === "linux") return;
  const platform = shown(`${os}/${architecture}`);
  throw new StorageError("ERR_FAILED_PRECONDITION", `cannot load ${what}: it is for ${platform}, not for linux`);
}
