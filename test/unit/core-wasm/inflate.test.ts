import { randomBytes } from "node:crypto";
import zlib from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compressions, corpus, flushed, wordy } from "./corpus.ts";
import { type Cut, builds, everyByte, inflateRaw, uncut, zlibVerdict } from "./raw-inflate.ts";

describe.each(builds)("inflate ($name)", ({ core }) => {
  const expectInflated = (compressed: Uint8Array, bytes: Buffer, cut: Cut): void => {
    const { verdict, status } = inflateRaw(core, compressed, cut);
    if (verdict === "rejected") expect.fail(`rejected with status ${status}`);
    expect(verdict.consumed).toBe(compressed.byteLength);
    expect(verdict.output.equals(bytes)).toBe(true);
  };

  it.each(Object.keys(compressions))("gives back what zlib compressed with %s", (compression) => {
    for (const bytes of Object.values(corpus)) {
      const compressed = zlib.deflateRawSync(bytes, compressions[compression]);
      for (const cut of [uncut, () => 4096, () => 1 + (randomBytes(1)[0] ?? 0) * 5]) {
        expectInflated(compressed, bytes, cut);
      }
    }
  });

  it.each(Object.keys(compressions))("gives the same when input comes byte by byte, with %s", (compression) => {
    const bytes = Buffer.concat([wordy(60_000), randomBytes(500), Buffer.alloc(3000, "ab")]);
    expectInflated(zlib.deflateRawSync(bytes, compressions[compression]), bytes, everyByte);
  });

  it("gives the same wherever the input is cut in two", () => {
    const bytes = wordy(600);
    for (const options of [{ level: 0 }, { level: 9 }, { strategy: zlib.constants.Z_FIXED }]) {
      const compressed = zlib.deflateRawSync(bytes, options);
      for (let at = 1; at < compressed.byteLength; at++) {
        expectInflated(compressed, bytes, (done) => (done === 0 ? at : Infinity));
      }
    }
  });

  it.each(["Z_PARTIAL_FLUSH", "Z_SYNC_FLUSH", "Z_FULL_FLUSH", "Z_BLOCK"] as const)(
    "gives back what was flushed with %s",
    async (flush) => {
      for (const part of [1, 37, 5000]) {
        const bytes = wordy(part * 50);
        const compressed = await flushed(bytes, zlib.constants[flush], part);
        expectInflated(compressed, bytes, uncut);
        expectInflated(compressed, bytes, everyByte);
      }
    },
  );

  it("reports the bytes after the stream as not consumed", () => {
    const compressed = zlib.deflateRawSync(wordy(5000));
    const followed = Buffer.concat([compressed, randomBytes(100)]);
    for (const cut of [uncut, everyByte, () => 7]) {
      const { verdict } = inflateRaw(core, followed, cut);
      expect(verdict).toMatchObject({ consumed: compressed.byteLength });
    }
  });

  it("rejects every truncation", () => {
    for (const options of [{ level: 0 }, { level: 9 }, { strategy: zlib.constants.Z_FIXED }]) {
      const compressed = zlib.deflateRawSync(wordy(300), options);
      for (let length = 0; length < compressed.byteLength; length++) {
        const { verdict, status } = inflateRaw(core, compressed.subarray(0, length));
        expect(verdict).toBe("rejected");
        expect(status).toBe(0);
      }
    }
  });

  it("does as zlib on every single-bit flip of small streams", () => {
    const small = [wordy(90), Buffer.from("a"), Buffer.alloc(400, "xyz"), randomBytes(20), wordy(700)];
    for (const bytes of small) {
      for (const options of [{ level: 0 }, { level: 9 }, { strategy: zlib.constants.Z_FIXED }, { memLevel: 1 }]) {
        const compressed = zlib.deflateRawSync(bytes, options);
        for (let bit = 0; bit < compressed.byteLength * 8; bit++) {
          const flipped = Uint8Array.from(compressed);
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          const { verdict } = inflateRaw(core, flipped);
          expect(verdict, `bit ${bit} of ${Buffer.from(compressed).toString("hex")}`).toEqual(zlibVerdict(flipped));
        }
      }
    }
  });

  it("gives back anything, however compressed and cut", () => {
    const options = fc.record({
      level: fc.integer({ min: 0, max: 9 }),
      memLevel: fc.integer({ min: 1, max: 9 }),
      strategy: fc.integer({ min: 0, max: 4 }),
    });
    const bytes = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 0, max: 300 })));
    fc.assert(
      fc.property(bytes, options, fc.integer({ min: 1, max: 200 }), (parts, how, part) => {
        const plain = Buffer.concat(
          parts.map(([bytes, length]) => Buffer.concat([bytes, Buffer.alloc(length, bytes)])),
        );
        expectInflated(zlib.deflateRawSync(plain, how), plain, () => part);
      }),
    );
  });
});
