/**
 * The pure part of laminate, published as `laminate/oci`: the documents that describe images, parsed strictly.
 * No file, socket or process is touched.
 */
export { type ChainId, type DiffId, type Digest, isDigest, parseDigest } from "../base/digest.ts";
export { annotations } from "./annotations.ts";
export { chainIds } from "./chain-id.ts";
export { type Compression, type DetectedCompression, detectCompression } from "./compression.ts";
export type { Descriptor } from "./descriptor.ts";
export { type ContainerConfig, type HistoryEntry, type ImageConfig, parseImageConfig } from "./image-config.ts";
export { encodeIndex, type ImageIndex, parseIndex } from "./image-index.ts";
export { encodeManifest, type Manifest, parseManifest } from "./manifest.ts";
export {
  compressionOfType,
  isConfigType,
  isIndexType,
  isLayerType,
  isManifestType,
  isNondistributable,
  mediaTypes,
} from "./media-type.ts";
export {
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  type Platform,
  platformDistance,
} from "./platform.ts";
export { parseReference, type Reference, tryParseReference } from "./reference.ts";
