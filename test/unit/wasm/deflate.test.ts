import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { constants, crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCore, createCore } from "../../../driver/wasm/core.ts";
import { Deflater, deflateBlockBytes, deflateDictionaryBytes } from "../../../driver/wasm/deflate.ts";
import { Gunzip } from "../../../driver/wasm/gunzip.ts";

const none = new Uint8Array(0);

/** As a layer is made: pieces of `pieceBytes`, each with what came before it. */
function deflateAll(deflater: Deflater, bytes: Uint8Array, pieceBytes = deflateBlockBytes): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += pieceBytes) {
    const dictionary = bytes.subarray(Math.max(0, at - deflateDictionaryBytes), at);
    const content = bytes.subarray(at, at + pieceBytes);
    const output = deflater.deflate({ dictionary, content, isLast: at + pieceBytes >= bytes.length });
    expect(output.length).toBeLessThanOrEqual(content.length + 1024);
    parts.push(Buffer.from(output));
  }
  return Buffer.concat(parts);
}

function gzipOf(raw: Buffer, bytes: Uint8Array): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]), raw, trailer]);
}

function gunzipInCore(gzip: Buffer): Buffer {
  const parts: Buffer[] = [];
  const gunzip = new Gunzip(createCore(), (view) => void parts.push(Buffer.from(view)));
  gunzip.push(gzip);
  expect(gunzip.end()).toMatchObject({ members: 1, trailingBytes: 0 });
  return Buffer.concat(parts);
}

/** Words of a vocabulary, some far more often than others. */
function text(bytes: number): Buffer {
  const words = Array.from({ length: 2000 }, () =>
    randomBytes(5)
      .toString("hex")
      .slice(0, (3 + Math.random() * 8) | 0),
  );
  const parts: string[] = [];
  for (let length = 0; length < bytes;) {
    const word = words[Math.floor(Math.random() ** 3 * words.length)] ?? "";
    parts.push(word);
    length += word.length + 1;
  }
  return Buffer.from(parts.join(" ")).subarray(0, bytes);
}

/** Each of 256 values about 1.6 times as often as the next one: codes as long as they can be. */
function skewed(bytes: number): Buffer {
  const output = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) output[i] = Math.floor(-Math.log(Math.random()) / 0.48) & 255;
  return output;
}

const inputs: Readonly<Record<string, Uint8Array>> = {
  nothing: none,
  "one byte": Buffer.from("a"),
  "seven bytes, fewer than are looked at": Buffer.from("aaaaaaa"),
  "a short line": Buffer.from("to be or not to be, that is to be\n"),
  "one byte, a million times": Buffer.alloc(1_000_000, 7),
  "two bytes in turn": Buffer.from("ab".repeat(200_000)),
  "random bytes": randomBytes(700_000),
  "random, then the same again just as far as a match reaches": ((half) => Buffer.concat([half, half]))(
    randomBytes(32768),
  ),
  "random, then the same again one byte too far": ((half) => Buffer.concat([half, half]))(randomBytes(32769)),
  text: text(1_500_000),
  "very skewed": skewed(600_000),
  "bytes that all occur alike": Buffer.from(
    Uint8Array.from({ length: 300_000 }, (_, i) => (i * 167 + (i >>> 8)) & 255),
  ),
  "text, noise, zeros and text": Buffer.concat([
    text(200_000),
    randomBytes(200_000),
    Buffer.alloc(200_000),
    text(200_000),
  ]),
  "a whole piece": text(deflateBlockBytes),
  "a piece and a byte": text(deflateBlockBytes + 1),
};

describe.each(["simd", "plain"] as const)("Deflater (%s)", (build) => {
  const core = createCore(compileCore(build));
  const deflater = new Deflater(core);

  it.each(Object.keys(inputs))("makes what zlib and our own decoder read: %s", (name) => {
    const bytes = inputs[name] ?? none;
    const raw = deflateAll(deflater, bytes);
    expect(inflateRawSync(raw).equals(bytes)).toBe(true);
    expect(gunzipInCore(gzipOf(raw, bytes)).equals(bytes)).toBe(true);
  });

  it("makes what gzip(1) reads", () => {
    const bytes = inputs["text, noise, zeros and text"] ?? none;
    const gzip = gzipOf(deflateAll(deflater, bytes), bytes);
    const read = execFileSync("gzip", ["-dc"], { input: gzip, maxBuffer: 64 * 1024 * 1024 });
    expect(read.equals(bytes)).toBe(true);
  });

  it("joins pieces of any length, whatever was deflated before", () => {
    const bytes = Buffer.concat([text(40_000), randomBytes(3_000), Buffer.alloc(9_000)]);
    const other = new Deflater(createCore(compileCore(build)));
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 60_000 }), (pieceBytes) => {
        const raw = deflateAll(deflater, bytes, pieceBytes);
        deflateAll(other, randomBytes(5_000));
        return inflateRawSync(raw).equals(bytes) && deflateAll(other, bytes, pieceBytes).equals(raw);
      }),
      { numRuns: 30 },
    );
  });

  it("gives back random compositions of bytes, runs and copies", () => {
    const part = fc.oneof(
      fc.record({ copy: fc.nat(70_000), length: fc.integer({ min: 1, max: 600 }) }),
      fc.record({ byte: fc.nat(255), length: fc.integer({ min: 1, max: 2_000 }) }),
      fc.record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 200 }), fc.integer({ min: 500, max: 100_000 }), (parts, pieceBytes) => {
        let bytes = Buffer.alloc(0);
        for (const each of parts) {
          let more: Uint8Array;
          if ("bytes" in each) more = each.bytes;
          else if ("byte" in each) more = Buffer.alloc(each.length, each.byte);
          else more = bytes.subarray(Math.max(0, bytes.length - each.copy), bytes.length - each.copy + each.length);
          bytes = Buffer.concat([bytes, more]);
        }
        return inflateRawSync(deflateAll(deflater, bytes, pieceBytes)).equals(bytes);
      }),
      { numRuns: 150 },
    );
  });

  it("makes the same of the same, in any instance and after anything else", () => {
    const bytes = inputs["text, noise, zeros and text"] ?? none;
    const first = deflateAll(deflater, bytes);
    deflateAll(deflater, randomBytes(100_000));
    expect(deflateAll(deflater, bytes).equals(first)).toBe(true);
    expect(deflateAll(new Deflater(createCore(compileCore("simd"))), bytes).equals(first)).toBe(true);
  });

  it("stores what cannot be compressed, at five bytes for each 64 KiB", () => {
    const bytes = randomBytes(deflateBlockBytes);
    const { length } = deflateAll(deflater, bytes);
    expect(length - bytes.length).toBeLessThan(64);
  });

  it("is within a fiftieth of zlib at its second level, on text", () => {
    const bytes = inputs["text"] ?? none;
    const theirs = deflateRawSync(bytes, { level: 2, strategy: constants.Z_DEFAULT_STRATEGY });
    expect(deflateAll(deflater, bytes).length).toBeLessThan(theirs.length * 1.02);
  });

  it("matches over the border between pieces", () => {
    const half = randomBytes(20_000);
    const second = deflater.deflate({ dictionary: half, content: half, isLast: true });
    expect(second.length).toBeLessThan(600);
    expect(inflateRawSync(Buffer.from(second), { dictionary: half }).equals(half)).toBe(true);
  });

  it("ends a piece in the middle on a byte, also an empty one", () => {
    const middle = Buffer.from(deflater.deflate({ dictionary: none, content: none, isLast: false }));
    expect(middle.toString("hex")).toBe("000000ffff");
    const end = Buffer.from(deflater.deflate({ dictionary: none, content: none, isLast: true }));
    expect(inflateRawSync(Buffer.concat([middle, middle, end])).length).toBe(0);
  });

  it("says no to more than a piece", () => {
    const tooMuch = new Uint8Array(deflateBlockBytes + 1);
    expect(() => deflater.deflate({ dictionary: none, content: tooMuch, isLast: true })).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
    );
    const tooFar = new Uint8Array(deflateDictionaryBytes + 1);
    expect(() => deflater.deflate({ dictionary: tooFar, content: none, isLast: true })).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
    );
  });
});
