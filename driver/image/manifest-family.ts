/** Docker's manifests and OCI's name the same things differently; one manifest keeps to one family. */
import { compressionOfType, isNondistributable, layerTypeFor, mediaTypes } from "../oci/media-type.ts";
import type { Manifest } from "../oci/manifest.ts";

export interface ManifestFamily {
  readonly manifestType: string;
  readonly configType: string;
  /** A layer's media type in this family's words. */
  layerType(mediaType: string): string;
}

const dockerLayers: Readonly<Record<string, string>> = {
  [mediaTypes.ociLayer]: mediaTypes.dockerLayer,
  [mediaTypes.ociLayerGzip]: mediaTypes.dockerLayerGzip,
};

/** The parent's, unless that is Docker's and `added` is compressed by zstd, which only OCI has. */
export function manifestFamily(parent: Manifest, added: string | undefined): ManifestFamily {
  const isDocker = parent.mediaType === mediaTypes.dockerManifest;
  const isZstd = added !== undefined && compressionOfType(added) === "zstd";
  if (isDocker && !isZstd) {
    return {
      manifestType: mediaTypes.dockerManifest,
      configType: parent.config.mediaType,
      layerType: (mediaType) => dockerLayers[mediaType] ?? mediaType,
    };
  }
  return {
    manifestType: mediaTypes.ociManifest,
    configType: isDocker ? mediaTypes.ociConfig : parent.config.mediaType,
    layerType: isDocker ? ociLayerType : (mediaType) => mediaType,
  };
}

function ociLayerType(mediaType: string): string {
  const compression = compressionOfType(mediaType);
  if (compression === undefined || !mediaType.startsWith("application/vnd.docker.")) return mediaType;
  if (!isNondistributable(mediaType)) return layerTypeFor(compression);
  return compression === "gzip" ? mediaTypes.ociNondistributableGzip : mediaTypes.ociNondistributable;
}
