import { hash, randomUUID } from "node:crypto";
import { chmod, lstat, readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { type Digest, isDigest, parseDigest, requireDigest } from "../base/digest.ts";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { maxJsonBytes, parseJsonObject } from "../oci/json.ts";
import { nameOf, readVerified, requireSize } from "./blob-reader.ts";
import type { BlobInfo, ContentStore } from "./content-store.ts";
import { type Durability, publish } from "./durable.ts";
import { IndexFile } from "./index-file.ts";
import { type Ingest, Ingests, type PartialBlob } from "./ingest.ts";
import { Layout } from "./layout.ts";

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
  const ingests = new Ingests(layout.ingestDir);
  const index = new IndexFile(layout, ingests, durability);
  let hadUnfinished: boolean;
  try {
    await layout.makeDirectories(durability);
    hadUnfinished = ingests.removeStale() > 0;
    await ensureVersion(layout, ingests, durability);
    await index.ensure();
  } catch (error) {
    throw asStorageError(error, `cannot open content store ${root}`);
  }
  return new LayoutStore(layout, ingests, index, durability, hadUnfinished);
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
  readonly hadUnfinished: boolean;
  readonly #layout: Layout;
  readonly #ingests: Ingests;
  readonly #index: IndexFile;
  readonly #durability: Durability;

  constructor(layout: Layout, ingests: Ingests, index: IndexFile, durability: Durability, hadUnfinished: boolean) {
    this.hadUnfinished = hadUnfinished;
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
    return Promise.resolve().then(() => readVerified(this.pathOf(descriptor.digest), descriptor, maxBytes));
  }

  startIngest(ref: string): Promise<Ingest> {
    return this.#ingests.start(ref);
  }

  resumePartial(digest: Digest): Promise<PartialBlob | undefined> {
    return this.#ingests.resume(digest);
  }

  wantedBlobs(): readonly Digest[] {
    return this.#ingests.partialDigests();
  }

  forgetPartial(digest: Digest): void {
    this.#ingests.forgetPartial(digest);
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
