import { randomBytes } from "node:crypto";
import zlib from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCore, createCore } from "../../../driver/wasm/core.ts";
import { crc32 } from "../../../driver/wasm/crc32.ts";

describe.each(["simd", "plain"] as const)("crc32 (%s)", (build) => {
  const core = createCore(compileCore(build));

  it("gives the check value of the polynomial", () => {
    expect(crc32(core, Buffer.from("123456789"))).toBe(0xcbf43926);
    expect(crc32(core, new Uint8Array(0))).toBe(0);
    expect(crc32(core, new Uint8Array(0), 0x12345678)).toBe(0x12345678);
  });

  it("agrees with zlib at lengths around its segments and the stage", () => {
    const bytes = randomBytes(300_000);
    for (const near of [0, 8, 4096, 16384, 32768, 131072, 262144]) {
      for (let length = Math.max(0, near - 9); length < near + 9; length++) {
        expect(crc32(core, bytes.subarray(3, 3 + length))).toBe(zlib.crc32(bytes.subarray(3, 3 + length)));
      }
    }
  });

  it("goes on from a seed as if the bytes had come in one", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40_000 }), fc.nat(), (bytes, at) => {
        const cut = at % (bytes.byteLength + 1);
        const seed = crc32(core, bytes.subarray(0, cut));
        expect(crc32(core, bytes.subarray(cut), seed)).toBe(zlib.crc32(bytes));
      }),
    );
  });
});
