/**
 * content/ owns the blobs: an OCI image layout on disk (image-spec image-layout.md) that other tools may read while it
 * is in use. A blob is there whole and proven, or not at all:
 *
 *   ingest/<key>/data  →  fsync  →  size and digest proven  →  rename to blobs/sha256/<hex>  →  fsync of the directory
 *
 * Blobs never change and are read-only; the root is 0700 whatever the umask; names on disk are made from digests and
 * hashes only, never from what an image says. Several processes may use one root.
 */
import { hash, randomUUID } from "node:crypto";
import { chmod, lstat, readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { type Digest, isDigest, parseDigest, requireDigest } from "../base/digest.ts";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { maxJsonBytes, parseJsonObject } from "../oci/json.ts";
import { nameOf, readVerified, requireSize } from "./blob-reader.ts";
import { type Durability, publish } from "./durable.ts";
import { IndexFile } from "./index-file.ts";
import { type Ingest, Ingests } from "./ingest.ts";
import { Layout } from "./layout.ts";

export interface BlobInfo {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface ContentStore {
  readonly root: string;

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

export interface OpenContentOptions {
  /** Absolute path; made if need be, and made private (0700). */
  readonly root: string;
  readonly durability: Durability;
}

const layoutVersion = "1.0.0";

/**
 * Opens or creates the layout below `root` and removes what writers that are gone have left in ingest/. Holds no lock
 * and no descriptor afterwards: there is nothing to close.
 * @throws {StorageError} ERR_FAILED_PRECONDITION when `root` is an OCI layout of another version.
 */
export async function openContentStore({ root, durability }: OpenContentOptions): Promise<ContentStore> {
  const layout = new Layout(root);
  const ingests = new Ingests(layout);
  const index = new IndexFile(layout, ingests, durability);
  try {
    await layout.makeDirectories(durability);
    await ingests.removeStale();
    await ensureVersion(layout, ingests, durability);
    await index.ensure();
  } catch (error) {
    throw asStorageError(error, `cannot open content store ${root}`);
  }
  return new LayoutStore(layout, ingests, index, durability);
}

async function ensureVersion(layout: Layout, ingests: Ingests, durability: Durability): Promise<void> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(layout.versionPath);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    await using ingest = await ingests.start(randomUUID());
    await writeFile(ingest.path, JSON.stringify({ imageLayoutVersion: layoutVersion }));
    await publish(ingest.path, layout.versionPath, durability);
    return;
  }
  const version = parseJsonObject(bytes, layout.versionPath).string("imageLayoutVersion");
  if (version === layoutVersion) return;
  throw new StorageError(
    "ERR_FAILED_PRECONDITION",
    `cannot open content store ${layout.root}: its layout is ${JSON.stringify(version)}, not ${layoutVersion}`,
  );
}

class LayoutStore implements ContentStore {
  readonly root: string;
  readonly #layout: Layout;
  readonly #ingests: Ingests;
  readonly #index: IndexFile;
  readonly #durability: Durability;

  constructor(layout: Layout, ingests: Ingests, index: IndexFile, durability: Durability) {
    this.root = layout.root;
    this.#layout = layout;
    this.#ingests = ingests;
    this.#index = index;
    this.#durability = durability;
  }

  pathOf(digest: Digest): string {
    return this.#layout.blobPath(digest);
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.#find(digest)) !== undefined;
  }

  async info(digest: Digest): Promise<BlobInfo> {
    const found = await this.#find(digest);
    if (found === undefined) throw new StorageError("ERR_NOT_FOUND", `cannot find blob ${digest}: it is not stored`);
    return found;
  }

  async #find(digest: Digest): Promise<BlobInfo | undefined> {
    try {
      const found = await lstat(this.pathOf(digest));
      return found.isFile() ? { digest, sizeBytes: found.size } : undefined;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw asStorageError(error, `cannot find blob ${digest}`);
    }
  }

  readSmall(descriptor: Descriptor, maxBytes: number = maxJsonBytes): Promise<Uint8Array> {
    return readVerified(this.pathOf(descriptor.digest), descriptor, maxBytes);
  }

  startIngest(ref: string): Promise<Ingest> {
    return this.#ingests.start(ref);
  }

  async commitIngest(ingestPath: string, written: BlobInfo, expected?: Descriptor): Promise<BlobInfo> {
    const what = expected === undefined ? `blob ${written.digest}` : nameOf(expected);
    try {
      if (expected !== undefined) {
        requireSize(what, expected.size, written.sizeBytes);
        requireDigest(what, expected.digest, written.digest);
      }
      requireSize(what, written.sizeBytes, (await lstat(ingestPath)).size);
      await chmod(ingestPath, 0o444);
      await publish(ingestPath, this.pathOf(written.digest), this.#durability);
    } catch (error) {
      throw asStorageError(error, `cannot store ${what}`);
    }
    return { digest: written.digest, sizeBytes: written.sizeBytes };
  }

  async writeBlob(bytes: Uint8Array, { expected }: { readonly expected?: Descriptor } = {}): Promise<BlobInfo> {
    const digest = parseDigest(`sha256:${hash("sha256", bytes)}`);
    await using ingest = await this.#ingests.start(randomUUID());
    try {
      await writeFile(ingest.path, bytes);
    } catch (error) {
      throw asStorageError(error, `cannot store blob ${digest}`);
    }
    return await this.commitIngest(ingest.path, { digest, sizeBytes: bytes.length }, expected);
  }

  async delete(digest: Digest): Promise<boolean> {
    try {
      await unlink(this.pathOf(digest));
      return true;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return false;
      throw asStorageError(error, `cannot delete blob ${digest}`);
    }
  }

  async list(): Promise<readonly BlobInfo[]> {
    const found: BlobInfo[] = [];
    for (const name of (await readdir(this.#layout.blobsDir)).sort()) {
      const digest = `sha256:${name}`;
      const info = isDigest(digest) ? await this.#find(digest) : undefined;
      if (info !== undefined) found.push(info);
    }
    return found;
  }

  readIndex(): Promise<readonly Descriptor[]> {
    return this.#index.read();
  }

  writeIndex(make: () => readonly Descriptor[] | Promise<readonly Descriptor[]>): Promise<void> {
    return this.#index.write(make);
  }
}
