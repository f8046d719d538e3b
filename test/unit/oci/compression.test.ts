import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectCompression } from "../../../driver/oci/compression.ts";
import { compressionOfType, isNondistributable, layerTypeFor, mediaTypes } from "../../../driver/oci/media-type.ts";
import { ZstdFrames } from "../../../driver/oci/zstd-frames.ts";

const skippable = Buffer.from("502a4d180400000061626364", "hex");
const emptySkippable = Buffer.from("5f2a4d1800000000", "hex");

/** The data frames of `bytes`, cut into chunks of `step`. */
function framesOf(bytes: Uint8Array, step: number): Uint8Array[] {
  const frames = new ZstdFrames("test");
  const whole: Uint8Array[] = [];
  let current: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    for (const part of frames.push(bytes.subarray(at, at + step))) {
      if (part !== "end") current.push(Uint8Array.from(part));
      else {
        whole.push(Buffer.concat(current));
        current = [];
      }
    }
  }
  frames.end();
  expect(current).toEqual([]);
  return whole;
}

describe("detectCompression", () => {
  test.each([
    ["gzip", gzipSync("x")],
    ["zstd", zstdCompressSync("x")],
    ["zstd", skippable],
    ["xz", Buffer.from("fd377a585a000004", "hex")],
    ["bzip2", Buffer.from("BZh91AY")],
    ["lz4", Buffer.from("04224d18", "hex")],
    ["none", Buffer.from("oci-layout\0\0\0")],
    ["none", Buffer.alloc(0)],
    ["none", Buffer.from([0x1f])],
  ])("says %s", (expected, bytes) => {
    expect(detectCompression(bytes)).toBe(expected);
  });
});

describe("media types of layers", () => {
  test.each(["none", "gzip", "zstd"] as const)("go from %s and back", (compression) => {
    expect(compressionOfType(layerTypeFor(compression))).toBe(compression);
  });

  test("know nondistributable ones and nothing else", () => {
    expect(isNondistributable(mediaTypes.dockerForeignLayerGzip)).toBe(true);
    expect(isNondistributable(mediaTypes.ociLayer)).toBe(false);
    expect(compressionOfType(mediaTypes.ociConfig)).toBeUndefined();
    expect(compressionOfType("constructor")).toBeUndefined();
  });
});

describe("ZstdFrames", () => {
  const frames = [
    zstdCompressSync("hello"),
    zstdCompressSync(""),
    zstdCompressSync(Buffer.alloc(400_000, 7)),
    zstdCompressSync(Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919 + (i >> 3)) & 255))),
  ];

  test("cuts where frames end and leaves skippable frames out, whatever the chunks", () => {
    const stream = Buffer.concat([skippable, ...frames.flatMap((frame) => [frame, emptySkippable, skippable])]);
    for (const step of [1, 2, 3, 7, 4096, 65536, 1e9]) expect(framesOf(stream, step)).toEqual(frames);
  });

  test("throws ERR_DATA_LOSS for a stream that is cut anywhere within a frame", () => {
    const frame = zstdCompressSync("hello, hello, hello");
    for (let length = 1; length < frame.length; length++) {
      expect(() => framesOf(frame.subarray(0, length), 1e9)).toThrow(
        expect.objectContaining({ code: "ERR_DATA_LOSS" }),
      );
    }
  });

  test("throws ERR_DATA_LOSS for what follows the last frame", () => {
    const stream = Buffer.concat([zstdCompressSync("x"), Buffer.from("garbage")]);
    expect(() => framesOf(stream, 1e9)).toThrow(/no zstd frame/);
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
