import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { detectCompression } from "../../../driver/oci/compression.ts";
import { compressionOfType, isNondistributable, layerTypeFor, mediaTypes } from "../../../driver/oci/media-type.ts";

const skippable = Buffer.from("502a4d180400000061626364", "hex");

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
