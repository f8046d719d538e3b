import { pipeline, Readable } from "node:stream";
import { constants, createZstdDecompress } from "node:zlib";
import { type FramePart, ZstdFrames } from "../../oci/zstd-frames.ts";

/** 128 MiB, as the zstd command allows. */
const maxWindowLog = 27;
const chunkBytes: number = 256 * 1024;

/** Decompresses all frames of a zstd stream. */
export async function* decompressZstd(input: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  const parts = partsOf(input, what);
  for (let first = await parts.next(); first.done !== true; first = await parts.next()) {
    const decompressor = createZstdDecompress({
      chunkSize: chunkBytes,
      params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
    });
    pipeline(Readable.from(oneFrame(first.value, parts), { objectMode: false }), decompressor, () => {
      // A failure destroys the decompressor, and reading from it then throws.
    });
    yield* decompressor as AsyncIterable<Uint8Array>;
  }
}

async function* partsOf(input: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<FramePart> {
  const frames = new ZstdFrames(what);
  for await (const chunk of input) yield* frames.push(chunk);
  frames.end();
}

async function* oneFrame(first: FramePart, rest: AsyncIterator<FramePart>): AsyncGenerator<Uint8Array> {
  for (let part = first; part !== "end";) {
    yield part;
    const next = await rest.next();
    if (next.done === true) return;
    part = next.value;
  }
}
