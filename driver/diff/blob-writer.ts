/** A layer's blob as it is written: content goes in, and is hashed, compressed, hashed again and written, once each. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import type { Digest, DiffId, Hasher } from "../base/digest.ts";
import type { Compression } from "../oci/compression.ts";
import { CompressingBlocks } from "./compressing-blocks.ts";
import { gzipHeader, GzipTrailer } from "./compress-block.ts";

const plainBlockBytes = 1024 * 1024;

export interface BlobFacts {
  readonly diffId: DiffId;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
}

export interface BlobOptions {
  readonly compression: Compression;
  /** How many may compress at the same time, this one among them. */
  readonly threads: number;
  readonly createHasher: () => Hasher;
  /** Called before each block. */
  readonly throwIfCanceled: () => void;
}

/** Where content is put, block by block. */
interface Blocks extends AsyncDisposable {
  /** Room for the block at hand. */
  readonly room: Uint8Array;
  /** Ends the block at hand, whose bytes hold as long as this call runs, and begins the next one. */
  next(contentBytes: number): Promise<void>;
  /** Ends the last block, and returns when all are written. */
  finish(contentBytes: number): Promise<void>;
}

/** Dispose it; a blob that is not finished is rubbish. */
export class BlobWriter implements AsyncDisposable {
  readonly #compression: Compression;
  readonly #throwIfCanceled: () => void;
  readonly #blocks: Blocks;
  readonly #fd: number;
  readonly #diffHash: Hasher;
  /** Undefined where the blob is the content. */
  readonly #blobHash: Hasher | undefined;
  readonly #trailer = new GzipTrailer();
  #filled = 0;
  #sizeBytes = 0;
  #uncompressedBytes = 0;

  /** Into the existing file `path`. */
  constructor(path: string, { compression, threads, createHasher, throwIfCanceled }: BlobOptions) {
    this.#compression = compression;
    this.#throwIfCanceled = throwIfCanceled;
    this.#diffHash = createHasher();
    this.#blobHash = compression === "none" ? undefined : createHasher();
    const write = (bytes: Uint8Array): void => {
      this.#write(bytes);
    };
    const take = (content: Uint8Array): void => {
      this.#take(content);
    };
    this.#blocks =
      compression === "none" ? plainBlocks(take, write) : new CompressingBlocks(compression, threads, take, write);
    this.#fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
    if (compression === "gzip") this.#write(gzipHeader);
  }

  /** Room for at least one byte: fill from its start, then say how many with {@link filled}. */
  async room(): Promise<Uint8Array> {
    if (this.#filled === this.#blocks.room.length) {
      this.#throwIfCanceled();
      await this.#blocks.next(this.#filled);
      this.#filled = 0;
    }
    return this.#blocks.room.subarray(this.#filled);
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
    await this.#blocks.finish(this.#filled);
    if (this.#compression === "gzip") this.#write(this.#trailer.bytes());
    const diffId = this.#diffHash.digest();
    const digest = this.#blobHash?.digest() ?? diffId;
    return { diffId, digest, sizeBytes: this.#sizeBytes, uncompressedBytes: this.#uncompressedBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#blocks[Symbol.asyncDispose]();
    closeSync(this.#fd);
  }

  #take(content: Uint8Array): void {
    this.#diffHash.update(content);
    this.#uncompressedBytes += content.length;
    if (this.#compression === "gzip") this.#trailer.add(content);
  }

  #write(bytes: Uint8Array): void {
    this.#blobHash?.update(bytes);
    this.#sizeBytes += bytes.length;
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
  }
}

function plainBlocks(take: (content: Uint8Array) => void, write: (bytes: Uint8Array) => void): Blocks {
  const room = new Uint8Array(plainBlockBytes);
  const end = (contentBytes: number): Promise<void> => {
    const content = room.subarray(0, contentBytes);
    take(content);
    write(content);
    return Promise.resolve();
  };
  return { room, next: end, finish: end, [Symbol.asyncDispose]: () => Promise.resolve() };
}
