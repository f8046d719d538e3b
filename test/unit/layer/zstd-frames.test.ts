import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ZstdFrames } from "../../../driver/layer/zstd-frames.ts";

const skippable = Buffer.from("502a4d180400000061626364", "hex");
const emptySkippable = Buffer.from("5f2a4d1800000000", "hex");

/** The data frames of `bytes`, cut into chunks of `step`. */
function framesOf(bytes: Uint8Array, step: number): { whole: Uint8Array[]; isComplete: boolean } {
  const frames = new ZstdFrames("test");
  const whole: Uint8Array[] = [];
  const current: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    for (const part of frames.split(bytes.subarray(at, at + step))) {
      current.push(Uint8Array.from(part));
      if (frames.isBetweenFrames) whole.push(Buffer.concat(current.splice(0)));
    }
  }
  return { whole, isComplete: frames.isBetweenFrames };
}

describe("ZstdFrames", () => {
  const frames = [
    zstdCompressSync("hello"),
    zstdCompressSync(""),
    zstdCompressSync(Buffer.alloc(400_000, 7)),
    zstdCompressSync(Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919 + (i >> 3)) & 255))),
  ];

  test("cuts where frames end and leaves skippable frames out, whatever the chunks", () => {
    const stream = Buffer.concat([skippable, ...frames.flatMap((frame) => [frame, emptySkippable, skippable])]);
    for (const step of [1, 2, 3, 7, 4096, 65536, 1e9])
      expect(framesOf(stream, step)).toEqual({ whole: frames, isComplete: true });
  });

  test("knows that a stream is cut, anywhere within a frame", () => {
    const frame = zstdCompressSync("hello, hello, hello");
    for (let length = 1; length < frame.length; length++) {
      expect(framesOf(frame.subarray(0, length), 1e9)).toEqual({ whole: [], isComplete: false });
    }
  });

  test("throws ERR_DATA_LOSS for what follows the last frame", () => {
    const stream = Buffer.concat([zstdCompressSync("x"), Buffer.from("garbage")]);
    expect(() => framesOf(stream, 1e9)).toThrow(/bytes that are no frame/);
  });

  test("ends for any input", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (bytes, step) => {
        try {
          framesOf(Buffer.concat([Buffer.from("28b52ffd", "hex"), bytes]), step);
        } catch (error) {
          expect(error).toMatchObject({ code: "ERR_DATA_LOSS" });
        }
      }),
    );
  });
});
