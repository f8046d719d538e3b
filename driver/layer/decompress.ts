/**
 * From stored bytes to tar bytes, pushed through. What a layer is compressed with is read off its first bytes, as every
 * client does (media types in the wild lie); the media type only has to be a layer's.
 */
import { constants, createZstdDecompress, type ZstdDecompress } from "node:zlib";
import { StorageError } from "../base/errors.ts";
import { type Compression, detectCompression } from "../oci/compression.ts";
import type { Core } from "../wasm/core.ts";
import { Gunzip } from "../wasm/gunzip.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** Stored bytes in; tar bytes come out through the sink given at creation. */
export interface Decompressor {
  /** Returns a promise only where decompression runs elsewhere; await it before pushing more. */
  push(bytes: Uint8Array): Promise<void> | undefined;
  /** @throws {StorageError} ERR_DATA_LOSS when the stream is cut short or damaged. */
  end(): Promise<void> | undefined;
  /** Releases what it holds; safe at any time. */
  close(): void;
}

/** @throws {StorageError} ERR_UNIMPLEMENTED for xz, bzip2 and lz4. */
export function compressionOf(head: Uint8Array, what: string): Compression {
  const detected = detectCompression(head);
  if (detected === "none" || detected === "gzip" || detected === "zstd") return detected;
  throw new StorageError(
    "ERR_UNIMPLEMENTED",
    `cannot decompress ${what}: it is ${detected}; recompress it with gzip or zstd`,
  );
}

export function createDecompressor(
  compression: Compression,
  core: Core,
  what: string,
  sink: (bytes: Uint8Array) => void,
): Decompressor {
  switch (compression) {
    case "none":
      return {
        push: (bytes) => {
          sink(bytes);
          return undefined;
        },
        end: () => undefined,
        close: () => undefined,
      };
    case "gzip": {
      const gunzip = new Gunzip(core, sink);
      return {
        push: (bytes) => {
          gunzip.push(bytes);
          return undefined;
        },
        end: () => {
          gunzip.end();
          return undefined;
        },
        close: () => undefined,
      };
    }
    case "zstd":
      return new ZstdDecompressor(what, sink);
  }
}

const maxWindowLog = 27;

class ZstdDecompressor implements Decompressor {
  readonly #what: string;
  readonly #frames: ZstdFrames;
  readonly #stream: ZstdDecompress;
  #failure: unknown;

  constructor(what: string, sink: (bytes: Uint8Array) => void) {
    this.#what = what;
    this.#frames = new ZstdFrames(what);
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
    for (const part of this.#frames.split(bytes)) {
      await new Promise<void>((resolve) => {
        this.#stream.once("close", resolve);
        this.#stream.write(part, () => {
          this.#stream.off("close", resolve);
          resolve();
        });
      });
      if (this.#failure !== undefined) throw this.#failure as Error;
    }
  }

  /** Every frame that is complete has been decoded when its write returned, so the stream itself need not be ended. */
  end(): undefined {
    if (this.#frames.isBetweenFrames) return;
    throw new StorageError("ERR_DATA_LOSS", `cannot decompress ${this.#what}: the zstd stream is cut short`);
  }

  close(): void {
    this.#stream.destroy();
  }
}
