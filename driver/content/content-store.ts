/**
 * content/ owns the blobs: an OCI image layout on disk (image-spec image-layout.md) that other tools may read while it
 * is in use. A blob is there whole and proven, or not at all:
 *
 *   ingest/<key>/data  →  fsync  →  size and digest proven  →  rename to blobs/sha256/<hex>  →  fsync of the directory
 *
 * Blobs never change and are read-only; the root is 0700 whatever the umask; names on disk are made from digests and
 * hashes only, never from what an image says. Several processes may use one root.
 */
import type { Digest } from "../base/digest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Ingest, PartialBlob } from "./ingest.ts";

export type { Ingest, PartialBlob } from "./ingest.ts";

export interface BlobInfo {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface ContentStore {
  readonly root: string;

  /** When it was opened, a writer had died in the middle of its work: what that began may want finishing. */
  readonly hadUnfinished: boolean;

  has(digest: Digest): Promise<boolean>;

  /** @throws {StorageError} ERR_NOT_FOUND */
  info(digest: Digest): Promise<BlobInfo>;

  /** Where the blob is once it exists. */
  pathOf(digest: Digest): string;

  /**
   * The bytes of a blob, for documents: size and digest are proven on each read.
   * @throws {StorageError} ERR_NOT_FOUND; ERR_RESOURCE_EXHAUSTED above `maxBytes` (4 MiB unless told); ERR_DATA_LOSS
   * naming the descriptor, expected and actual.
   */
  readSmall(descriptor: Descriptor, maxBytes?: number): Promise<Uint8Array>;

  /**
   * Begins a write under a key of the caller's choice; any text. Only one process at a time may hold a `ref`.
   * @throws {StorageError} ERR_UNAVAILABLE while another ingest holds it.
   */
  startIngest(ref: string): Promise<Ingest>;

  /**
   * The bytes of a blob that comes from afar, as far as they have come, in this process or one before; commit it as an
   * ingest. Undefined while somebody else, here or in another process, has it. What was begun counts as wanted for a day,
   * committed or not: see {@link wantedBlobs}.
   */
  resumePartial(digest: Digest): Promise<PartialBlob | undefined>;

  /** Blobs that somebody is fetching or has fetched for an image that is not complete yet. */
  wantedBlobs(): readonly Digest[];

  /** The image is complete, or the bytes were of no use: nobody comes back for them. */
  forgetPartial(digest: Digest): void;

  /**
   * Makes an ingest visible. `written` is what the writer counted and hashed while writing: the file's size is compared
   * with it, and it with `expected`. A blob that exists already is replaced by the same bytes, freshly proven.
   * @throws {StorageError} ERR_DATA_LOSS naming the descriptor, expected and actual: nothing becomes visible.
   */
  commitIngest(ingestPath: string, written: BlobInfo, expected?: Descriptor): Promise<BlobInfo>;

  /** Stores bytes that are at hand. @throws {StorageError} ERR_DATA_LOSS unless they are what `expected` says. */
  writeBlob(bytes: Uint8Array, options?: { readonly expected?: Descriptor }): Promise<BlobInfo>;

  /** True if there was such a blob. */
  delete(digest: Digest): Promise<boolean>;

  /** Every blob, in order of digest. */
  list(): Promise<readonly BlobInfo[]>;

  /** What index.json holds: one descriptor for each name. */
  readIndex(): Promise<readonly Descriptor[]>;

  /**
   * Replaces index.json atomically. `make` is called while its lock is held, so that what it reads elsewhere, such as
   * a database, cannot be overwritten by an older reading. Names go into org.opencontainers.image.ref.name.
   */
  writeIndex(make: () => readonly Descriptor[] | Promise<readonly Descriptor[]>): Promise<void>;
}
