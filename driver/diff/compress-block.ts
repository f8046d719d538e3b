/**
 * Compressing a stream block by block, each for itself, so that any number of threads make the same bytes. A gzip is one
 * member: its blocks end on a byte (RFC 1951, 3.2.4, as pigz joins them) and reach back into the block before. A zstd is
 * one frame a block (RFC 8878, 3.1: frames are independent and a decoder takes any number).
 */
import { constants, crc32, deflateRawSync, zstdCompressSync } from "node:zlib";

export type BlockCompression = "gzip" | "zstd";

export interface BlockFormat {
  /** Bytes of content a block has, but for the last one. */
  readonly blockBytes: number;
  /** Bytes of the block before that a block may refer to. */
  readonly dictionaryBytes: number;
}

export const blockFormats: Readonly<Record<BlockCompression, BlockFormat>> = {
  gzip: { blockBytes: 1024 * 1024, dictionaryBytes: 32 * 1024 },
  zstd: { blockBytes: 4 * 1024 * 1024, dictionaryBytes: 0 },
};

const gzipLevel = 6;
/** Measured on a Node installation: a blob as small as gzip's at level 6 for a seventh of the time. */
const zstdLevel = 2;

/** Room for the worst case, so that a block is compressed in one go. */
function outputBytes(content: Uint8Array): number {
  return content.length + 64 * 1024;
}

/** `dictionary` is empty for the first block. */
export function compressBlock(
  compression: BlockCompression,
  content: Uint8Array,
  dictionary: Uint8Array,
  isLast: boolean,
): Uint8Array {
  if (compression === "gzip") {
    return deflateRawSync(content, {
      level: gzipLevel,
      chunkSize: outputBytes(content),
      finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
      ...(dictionary.length === 0 ? {} : { dictionary }),
    });
  }
  if (content.length === 0) return content;
  return zstdCompressSync(content, {
    chunkSize: outputBytes(content),
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
