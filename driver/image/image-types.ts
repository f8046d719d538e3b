/** What images/ answers: rows and documents, ready to be printed or serialised. */
import type { ChainId, DiffId, Digest } from "../base/digest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import type { Manifest } from "../oci/manifest.ts";

/** One image: all names that point at one manifest. */
export interface ImageSummary {
  /** Canonical references such as "docker.io/library/debian:12"; empty for a dangling image. */
  readonly names: readonly string[];
  /** ImageID: digest of the config. */
  readonly id: Digest;
  readonly manifestDigest: Digest;
  /** RFC 3339, from the config; null if it has none. */
  readonly created: string | null;
  /** Bytes of the unpacked layers, shared ones included. */
  readonly sizeBytes: number;
  /** Why its documents cannot be read: then `id` is the manifest's digest. Load it again, or remove it. */
  readonly damage?: string;
}

export interface ImageLayer {
  /** As stored: digest, size and media type of the blob. */
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  /** Bytes and inodes on disk once unpacked. */
  readonly unpackedBytes: number;
  readonly inodes: number;
  /** Other images (first name, or short id) that hold the same chainID. */
  readonly sharedBy: readonly string[];
}

export interface ImageDetails extends ImageSummary {
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly layers: readonly ImageLayer[];
}

/** One row of `history`, newest first. */
export interface HistoryRow {
  /** ImageID for the newest row and for those at which another stored image ends, else null ("<missing>"). */
  readonly id: Digest | null;
  readonly created: string | null;
  readonly createdBy: string;
  readonly comment: string;
  /** 0 for empty layers. */
  readonly sizeBytes: number;
  /** Null for empty layers. */
  readonly layer: ImageLayer | null;
}

export interface RemovedImage {
  readonly untagged: readonly string[];
  /** Image IDs, manifests, layer digests and chainIDs that went with it. */
  readonly deleted: readonly Digest[];
  readonly reclaimedBytes: number;
}

export interface LoadedImage {
  readonly names: readonly string[];
  readonly id: Digest;
  readonly layersExtracted: number;
  readonly layersReused: number;
  /** What could not be kept: owners, devices or attributes that this user or file system does not allow. */
  readonly warnings: readonly string[];
}

/** Progress of one layer; events of one layer come in this order of phases. */
export interface LayerProgress {
  readonly image: string;
  readonly layer: Digest;
  /** "fetching" while bytes arrive, though they are extracted at the same time; only of pulls. "pushing" only of pushes. */
  readonly phase: "waiting" | "fetching" | "extracting" | "pushing" | "done" | "reused";
  /** Stored (compressed) bytes: arrived, or read. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** `system df`: sizes from recorded usage, not from walking. */
export interface DiskUsage {
  readonly images: readonly (ImageSummary & {
    readonly sharedBytes: number;
    readonly uniqueBytes: number;
    readonly containers: number;
  })[];
  readonly containers: readonly { readonly id: string; readonly name: string; readonly sizeBytes: number }[];
  /** Unpacked layers, each once. */
  readonly layerBytes: number;
  readonly layerCount: number;
  /** Layers that no image refers to. */
  readonly reclaimableLayerBytes: number;
  /** Stored blobs. */
  readonly blobBytes: number;
  readonly blobCount: number;
  readonly reclaimableBlobBytes: number;
}
