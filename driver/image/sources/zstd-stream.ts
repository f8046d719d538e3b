import { constants, createZstdDecompress } from "node:zlib";
import { StorageError } from "../../base/errors.ts";
import { ZstdFrames } from "../../layer/zstd-frames.ts";

/** 128 MiB, as the zstd command allows. */
const maxWindowLog = 27;
const chunkBytes: number = 256 * 1024;

type Stage = NodeJS.ReadWriteStream | ((input: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>);

/** The stages of a pipeline that decompress all frames of a zstd stream: Node's own reads on only after a write that
 * ends with the frame. */
export function zstdStages(what: string): readonly Stage[] {
  const params = { [constants.ZSTD_d_windowLogMax]: maxWindowLog };
  return [(input) => splitFrames(input, what), createZstdDecompress({ chunkSize: chunkBytes, params })];
}

async function* splitFrames(input: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames(what);
  for await (const chunk of input) yield* frames.split(chunk);
  if (frames.isBetweenFrames) return;
  throw new StorageError("ERR_DATA_LOSS", `cannot decompress ${what}: the zstd stream is cut short`);
}
