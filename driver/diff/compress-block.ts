/**
 * Compressing a stream block by block, each for itself, so that any number of threads make the same bytes. A gzip is one
 * member: its blocks end on a byte (RFC 1951, 3.2.4, as pigz joins them) and reach back into the block before. A zstd is
 * one frame a block (RFC 8878, 3.1: frames are independent and a decoder takes any number).
 */
import { constants, crc32, zstdCompressSync } from "node:zlib";
import { createCore, type CoreModule } from "../wasm/core.ts";
import { Deflater, deflateBlockBytes, deflateDictionaryBytes } from "../wasm/deflate.ts";

export type BlockCompression = "gzip" | "zstd";

export interface BlockFormat {
  /** Bytes of content a block has, but for the last one. */
  readonly blockBytes: number;
  /** Bytes of the block before that a block may refer to. */
  readonly dictionaryBytes: number;
  /** The most that a block can become. */
  readonly outputBytes: number;
}

const mebibyte = 1024 * 1024;

/** On a Node installation frames of 1 MiB are a fortieth more bytes than of 4 MiB, for a quarter of the memory. */
export const blockFormats: Readonly<Record<BlockCompression, BlockFormat>> = {
  gzip: {
    blockBytes: deflateBlockBytes,
    dictionaryBytes: deflateDictionaryBytes,
    outputBytes: deflateBlockBytes + 1024,
  },
  zstd: { blockBytes: mebibyte, dictionaryBytes: 0, outputBytes: mebibyte + 64 * 1024 },
};

/** Measured on a Node installation: a twentieth less than level 1 for a fifth more time; level 3 takes as much again. */
const zstdLevel = 2;

export interface BlockInput {
  /** The bytes before the content, as the format wants them; empty for the first block. */
  readonly dictionary: Uint8Array;
  readonly content: Uint8Array;
  readonly isLast: boolean;
}

/** Compresses a block into `output` and returns how many bytes it became. */
export type BlockCompressor = (block: BlockInput, output: Uint8Array) => number;

export function createBlockCompressor(compression: BlockCompression, core: CoreModule): BlockCompressor {
  const place = (bytes: Uint8Array, output: Uint8Array): number => {
    output.set(bytes);
    return bytes.length;
  };
  if (compression === "zstd") return ({ content }, output) => place(zstdFrame(content), output);
  const deflater = new Deflater(createCore(core));
  return (block, output) => place(deflater.deflate(block), output);
}

function zstdFrame(content: Uint8Array): Uint8Array {
  if (content.length === 0) return content;
  return zstdCompressSync(content, {
    chunkSize: blockFormats.zstd.outputBytes,
    pledgedSrcSize: content.length,
    params: { [constants.ZSTD_c_compressionLevel]: zstdLevel, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}

/** RFC 1952, 2.3: deflate, no flags, no time, level not said, system unknown. */
export const gzipHeader: Uint8Array = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);

/** What a gzip's end says of its content. */
export class GzipTrailer {
  #crc = 0;
  #sizeBytes = 0;

  add(content: Uint8Array): void {
    this.#crc = crc32(content, this.#crc);
    this.#sizeBytes += content.length;
  }

  bytes(): Uint8Array {
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#sizeBytes % 2 ** 32, 4);
    return trailer;
  }
}
