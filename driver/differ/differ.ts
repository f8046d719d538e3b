/**
 * differ/ owns containerd's Diff contract: layers onto mounts that somebody else describes, and layers out of what two
 * such descriptions show. Where bytes of blobs come from and go to is the caller's affair.
 */
import type { Digest, DiffId } from "../base/digest.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { LayerPool } from "../layer/layer-pool.ts";
import type { LayerFile } from "../layer/tasks.ts";
import type { Mount } from "../mount/mount.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Snapshotter } from "../snapshot/snapshotter.ts";

export interface DifferContext {
  /** Of the store: snapshots below it are staged for beside them, others within themselves. */
  readonly root: string;
  readonly snapshotter: Snapshotter;
  readonly content: ContentStore;
  readonly pool: LayerPool;
}

/** On whose behalf blobs are read and written. */
export interface BlobCall {
  readonly namespace: string | undefined;
  /** What is written belongs to it. */
  readonly lease?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A blob as a file, as long as it is not disposed of. */
export interface BlobFile extends LayerFile, AsyncDisposable {}

/** A content store that is not ours. */
export interface ForeignBlobs {
  /** @throws {StorageError} ERR_NOT_FOUND. The bytes are not proven. */
  open(descriptor: Descriptor, call: BlobCall): Promise<BlobFile>;
  /** Stores a finished file under its digest; a blob that is there already gets the labels. */
  write(path: string, blob: BlobToWrite, call: BlobCall): Promise<void>;
}

export interface BlobToWrite {
  readonly digest: Digest;
  readonly size: number;
  /** Names the write while it lasts; only one may go on under it. */
  readonly ref: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ApplyRequest {
  readonly layer: Descriptor;
  readonly mounts: readonly Mount[];
  /** One syncfs(2) when it is done. */
  readonly syncs: boolean;
}

export interface AppliedDiff {
  readonly diffId: DiffId;
  readonly uncompressedBytes: number;
}

export interface CompareRequest {
  /** Nothing at all, with none. */
  readonly left: readonly Mount[];
  readonly right: readonly Mount[];
  /** Of the layer; gzip by default. */
  readonly mediaType: string;
  readonly ref: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970: later mtimes become this one. */
  readonly sourceDateEpoch: bigint | null;
}

export interface Differ {
  /** See {@link import("./apply.ts").applyDiff}. */
  apply(request: ApplyRequest, call: BlobCall): Promise<AppliedDiff>;
  /** See {@link import("./compare.ts").compareMounts}. The descriptor of the stored blob. */
  compare(request: CompareRequest, call: BlobCall): Promise<Descriptor>;
}
