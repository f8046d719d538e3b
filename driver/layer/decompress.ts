/**
 * From stored bytes to tar bytes, pushed through. What a layer is compressed with is read off its first bytes, as every
 * client does (media types in the wild lie); the media type only has to be a layer's.
 */
import { constants, createZstdDecompress, type ZstdDecompress } from "node:zlib";
import { StorageError } from "../base/errors.ts";
import type { Core } from "../wasm/core.ts";
import { Gunzip } from "../wasm/gunzip.ts";

export type Compression = "none" | "gzip" | "zstd";

/** Stored bytes in; tar bytes come out through the sink given at creation. */
export interface Decompressor {
  /** Returns a promise only where decompression runs elsewhere; await it before pushing more. */
  push(bytes: Uint8Array): Promise<void> | undefined;
  /** @throws {StorageError} ERR_DATA_LOSS when the stream is cut short or damaged. */
  end(): Promise<void> | undefined;
  /** Releases what it holds; safe at any time. */
  close(): void;
}

const zstdMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

/** @throws {StorageError} ERR_UNIMPLEMENTED for xz and bzip2. */
export function sniffCompression(head: Uint8Array, what: string): Compression {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  const word = head.length >= 4 ? new DataView(head.buffer, head.byteOffset).getUint32(0, true) : 0;
  if (word === zstdMagic || (word & ~0xf) >>> 0 === skippableMagic) return "zstd";
  const foreign = startsWith(head, "\xfd7zXZ") ? "xz" : startsWith(head, "BZh") ? "bzip2" : undefined;
  if (foreign !== undefined) {
    throw new StorageError(
      "ERR_UNIMPLEMENTED",
      `cannot decompress ${what}: it is ${foreign}; recompress it with gzip or zstd`,
    );
  }
  return "none";
}

function startsWith(bytes: Uint8Array, latin1: string): boolean {
  return bytes.length >= latin1.length && [...latin1].every((char, at) => bytes[at] === char.charCodeAt(0));
}

export function createDecompressor(
  compression: Compression,
  core: Core,
  what: string,
  sink: (bytes: Uint8Array) => void,
): Decompressor {
  switch (compression) {
    case "none":
      return { push: (bytes) => void sink(bytes), end: () => undefined, close: () => undefined };
    case "gzip": {
      const gunzip = new Gunzip(core, sink);
      return { push: (bytes) => void gunzip.push(bytes), end: () => void gunzip.end(), close: () => undefined };
    }
    case "zstd":
      return new ZstdDecompressor(what, sink);
  }
}

const maxWindowLog = 27;

class ZstdDecompressor implements Decompressor {
  readonly #what: string;
  readonly #stream: ZstdDecompress;
  #failure: unknown;

  constructor(what: string, sink: (bytes: Uint8Array) => void) {
    this.#what = what;
    this.#stream = createZstdDecompress({
      chunkSize: 256 * 1024,
      params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
    });
    this.#stream.on("data", (bytes: Buffer) => {
      if (this.#failure !== undefined) return;
      try {
        sink(bytes);
      } catch (error) {
        this.#fail(error);
      }
    });
    this.#stream.on("error", (error) => {
      this.#fail(new StorageError("ERR_DATA_LOSS", `cannot decompress ${what}: ${error.message}`, { cause: error }));
    });
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#stream.destroy();
  }

  async push(bytes: Uint8Array): Promise<void> {
    await this.#settle((done) => this.#stream.write(Uint8Array.from(bytes), done));
  }

  async end(): Promise<void> {
    await this.#settle((done) => {
      this.#stream.once("end", done);
      this.#stream.end();
    });
  }

  async #settle(start: (done: (error?: Error | null) => void) => void): Promise<void> {
    if (this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#stream.once("close", resolve);
        start(() => {
          this.#stream.off("close", resolve);
          resolve();
        });
      });
    }
    if (this.#failure !== undefined) throw this.#failure as Error;
    if (this.#stream.destroyed && !this.#stream.readableEnded) {
      throw new StorageError("ERR_DATA_LOSS", `cannot decompress ${this.#what}: the stream closed early`);
    }
  }

  close(): void {
    this.#stream.destroy();
  }
}
