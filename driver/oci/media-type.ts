/** The media types of images: OCI (image-spec media-types.md) and Docker schema 2, which say the same in other words. */
import type { Compression } from "./compression.ts";

export const mediaTypes = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  ociNondistributable: "application/vnd.oci.image.layer.nondistributable.v1.tar",
  ociNondistributableGzip: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  ociNondistributableZstd: "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  dockerForeignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar",
  dockerForeignLayerGzip: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
} as const;

const layers: ReadonlyMap<string, { compression: Compression; distributable: boolean }> = new Map([
  [mediaTypes.ociLayer, { compression: "none", distributable: true }],
  [mediaTypes.ociLayerGzip, { compression: "gzip", distributable: true }],
  [mediaTypes.ociLayerZstd, { compression: "zstd", distributable: true }],
  [mediaTypes.ociNondistributable, { compression: "none", distributable: false }],
  [mediaTypes.ociNondistributableGzip, { compression: "gzip", distributable: false }],
  [mediaTypes.ociNondistributableZstd, { compression: "zstd", distributable: false }],
  [mediaTypes.dockerLayer, { compression: "none", distributable: true }],
  [mediaTypes.dockerLayerGzip, { compression: "gzip", distributable: true }],
  [mediaTypes.dockerLayerZstd, { compression: "zstd", distributable: true }],
  [mediaTypes.dockerForeignLayer, { compression: "none", distributable: false }],
  [mediaTypes.dockerForeignLayerGzip, { compression: "gzip", distributable: false }],
]);

export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerIndex;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest;
}

/** False for the configs of artifacts that are not images: signatures, charts, attestations. */
export function isConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig;
}

export function isLayerType(mediaType: string): boolean {
  return layers.has(mediaType);
}

/** Layers that may not be in a registry; deprecated, still to be read (image-spec layer.md). */
export function isNondistributable(mediaType: string): boolean {
  return layers.get(mediaType)?.distributable === false;
}

/** What the media type promises; undefined unless it is a layer's. Clients also look at the bytes: see compression.ts. */
export function compressionOfType(mediaType: string): Compression | undefined {
  return layers.get(mediaType)?.compression;
}

export function layerTypeFor(compression: Compression): string {
  switch (compression) {
    case "none":
      return mediaTypes.ociLayer;
    case "gzip":
      return mediaTypes.ociLayerGzip;
    case "zstd":
      return mediaTypes.ociLayerZstd;
  }
}
