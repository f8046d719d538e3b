/** Inputs of different kinds and every way zlib has of compressing them. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import zlib from "node:zlib";

/** Words drawn from a small set: matches of all lengths and distances, and literals between them. */
export function wordy(length: number, seed = 1): Buffer {
  const words = Array.from({ length: 300 }, (_, i) => Buffer.from((i * 2654435761).toString(36).slice(0, 2 + (i % 9))));
  const parts: Buffer[] = [];
  let state = seed;
  for (let size = 0; size < length; size += parts.at(-1)?.byteLength ?? 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const word = words[(state >>> 16) % words.length];
    parts.push(state % 11 === 0 || word === undefined ? Buffer.of(state >>> 24) : word);
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** Bytes whose only matches are exactly `distance` back. */
export function distant(distance: number, repeats = 3): Buffer {
  const once = randomBytes(distance);
  return Buffer.concat(Array.from({ length: repeats }, () => once));
}

export const corpus: Readonly<Record<string, Buffer>> = {
  empty: Buffer.alloc(0),
  "one byte": Buffer.of(7),
  zeros: Buffer.alloc(1_500_000),
  "short periods": Buffer.concat(Array.from({ length: 40 }, (_, i) => Buffer.alloc(3000, randomBytes(i + 1)))),
  random: randomBytes(300_000),
  words: wordy(1_200_000),
  program: readFileSync(process.execPath).subarray(0, 1_000_000),
  source: readFileSync(new URL("../../../package-lock.json", import.meta.url)),
  "farthest distance": distant(32768),
  "nearly farthest": distant(32767),
};

const { constants } = zlib;

export const compressions: Readonly<Record<string, zlib.ZlibOptions>> = {
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((level) => [`level ${level}`, { level }])),
  "fixed codes": { strategy: constants.Z_FIXED },
  "huffman only": { strategy: constants.Z_HUFFMAN_ONLY },
  "run lengths": { strategy: constants.Z_RLE },
  filtered: { strategy: constants.Z_FILTERED },
  ...Object.fromEntries([1, 2, 5, 9].map((memLevel) => [`memLevel ${memLevel}`, { memLevel }])),
  ...Object.fromEntries([9, 12].map((windowBits) => [`windowBits ${windowBits}`, { windowBits }])),
};

/** Compressed in parts, with a flush of this kind after each. */
export async function flushed(bytes: Buffer, flush: number, part: number): Promise<Buffer> {
  const stream = zlib.createDeflateRaw();
  const out: Buffer[] = [];
  stream.on("data", (data: Buffer) => out.push(data));
  for (let at = 0; at < bytes.byteLength; at += part) {
    stream.write(bytes.subarray(at, at + part));
    await new Promise<void>((resolve) => {
      stream.flush(flush, resolve);
    });
  }
  stream.end();
  await once(stream, "end");
  return Buffer.concat(out);
}
