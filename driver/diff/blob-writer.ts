/** A layer's blob as it is written: content goes in, and is hashed, compressed, hashed again and written, once each. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import type { Digest, DiffId, Hasher } from "../base/digest.ts";
import type { Compression } from "../oci/compression.ts";
import { blockFormats, compressBlock, gzipHeader, GzipTrailer, type BlockFormat } from "./compress-block.ts";
import { CompressingThreads } from "./compressing-threads.ts";

const plainFormat: BlockFormat = { blockBytes: 1024 * 1024, dictionaryBytes: 0 };

export interface BlobFacts {
  readonly diffId: DiffId;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
}

export interface BlobOptions {
  readonly compression: Compression;
  readonly threads: number;
  readonly createHasher: () => Hasher;
  /** Called before each block. */
  readonly throwIfCanceled: () => void;
}

/**
 * Content is gathered into blocks; only when there is more than one are threads started, so that a small layer costs
 * none. Dispose it; a blob that is not finished is rubbish.
 */
export class BlobWriter implements AsyncDisposable {
  readonly #compression: Compression;
  readonly #threadCount: number;
  readonly #throwIfCanceled: () => void;
  readonly #format: BlockFormat;
  readonly #fd: number;
  readonly #diffHash: Hasher;
  /** Undefined where the blob is the content. */
  readonly #blobHash: Hasher | undefined;
  readonly #trailer = new GzipTrailer();
  #threads: CompressingThreads | undefined;
  #memory: ArrayBuffer;
  /** Where the dictionary ends and content begins, in `#memory`. */
  readonly #contentAt: number;
  #dictionaryAt: number;
  #filled = 0;
  #sizeBytes = 0;
  #uncompressedBytes = 0;

  /** Into the existing file `path`. */
  constructor(path: string, { compression, threads, createHasher, throwIfCanceled }: BlobOptions) {
    this.#compression = compression;
    this.#threadCount = threads;
    this.#throwIfCanceled = throwIfCanceled;
    this.#format = compression === "none" ? plainFormat : blockFormats[compression];
    this.#contentAt = this.#format.dictionaryBytes;
    this.#dictionaryAt = this.#contentAt;
    this.#memory = new ArrayBuffer(this.#memoryBytes);
    this.#diffHash = createHasher();
    this.#blobHash = compression === "none" ? undefined : createHasher();
    this.#fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
    if (compression === "gzip") this.#write(gzipHeader);
  }

  /** Room for at least one byte: fill from its start, then say how many with {@link filled}. */
  async room(): Promise<Uint8Array> {
    if (this.#filled === this.#format.blockBytes) await this.#nextBlock();
    return new Uint8Array(this.#memory, this.#contentAt + this.#filled, this.#format.blockBytes - this.#filled);
  }

  filled(bytes: number): void {
    this.#filled += bytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      const room = await this.room();
      const part = rest.subarray(0, room.length);
      room.set(part);
      this.filled(part.length);
      rest = rest.subarray(part.length);
    }
  }

  async appendZeros(count: number): Promise<void> {
    for (let left = count; left > 0;) {
      const room = await this.room();
      const part = room.subarray(0, left);
      part.fill(0);
      this.filled(part.length);
      left -= part.length;
    }
  }

  async finish(): Promise<BlobFacts> {
    this.#seal(true);
    await this.#threads?.drain();
    if (this.#compression === "gzip") this.#write(this.#trailer.bytes());
    const diffId = this.#diffHash.digest();
    const digest = this.#blobHash?.digest() ?? diffId;
    return { diffId, digest, sizeBytes: this.#sizeBytes, uncompressedBytes: this.#uncompressedBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads?.[Symbol.asyncDispose]();
    closeSync(this.#fd);
  }

  get #memoryBytes(): number {
    return this.#format.dictionaryBytes + this.#format.blockBytes;
  }

  async #nextBlock(): Promise<void> {
    this.#throwIfCanceled();
    const { dictionaryBytes } = this.#format;
    const end = this.#contentAt + this.#filled;
    const dictionary = new Uint8Array(this.#memory).slice(end - dictionaryBytes, end);
    if (this.#threads === undefined && this.#threadCount > 1 && this.#compression !== "none") {
      this.#threads = new CompressingThreads(this.#threadCount, this.#memoryBytes, (output) => {
        this.#write(output);
      });
    }
    const next = await this.#threads?.memory();
    this.#seal(false);
    if (next !== undefined) this.#memory = next;
    new Uint8Array(this.#memory).set(dictionary, this.#contentAt - dictionary.length);
    this.#dictionaryAt = this.#contentAt - dictionary.length;
    this.#filled = 0;
  }

  /** Hashes the block and sends it on its way; its memory may be gone after this. */
  #seal(isLast: boolean): void {
    const content = new Uint8Array(this.#memory, this.#contentAt, this.#filled);
    this.#diffHash.update(content);
    this.#uncompressedBytes += content.length;
    if (this.#compression === "none") {
      this.#write(content);
      return;
    }
    if (this.#compression === "gzip") this.#trailer.add(content);
    if (this.#threads === undefined) {
      const dictionary = new Uint8Array(this.#memory, this.#dictionaryAt, this.#contentAt - this.#dictionaryAt);
      this.#write(compressBlock(this.#compression, content, dictionary, isLast));
      return;
    }
    this.#threads.send({
      compression: this.#compression,
      memory: this.#memory,
      dictionaryAt: this.#dictionaryAt,
      contentAt: this.#contentAt,
      endAt: this.#contentAt + this.#filled,
      isLast,
    });
  }

  #write(bytes: Uint8Array): void {
    this.#blobHash?.update(bytes);
    this.#sizeBytes += bytes.length;
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
  }
}
