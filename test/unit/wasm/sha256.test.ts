import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Digest } from "../../../driver/base/digest.ts";
import { compileCore, createCore, sharedCore } from "../../../driver/wasm/core.ts";
import { type FourOf, createWasmSha256, createWasmSha256x4 } from "../../../driver/wasm/sha256.ts";

const nodeDigest = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Lengths at which padding takes a second block, and around whole blocks and the stage. */
const edges = [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 183, 184, 4096, 131071, 131072, 131073, 400_000];

/** FIPS 180-4 examples and NIST's long one. */
const vectors: readonly (readonly [string, string])[] = [
  ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
  [
    "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
    "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
  ],
  ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
];

describe.each(["simd", "plain"] as const)("createWasmSha256 (%s)", (build) => {
  const core = createCore(compileCore(build));
  const digest = (...parts: readonly Uint8Array[]): Digest => {
    const hasher = createWasmSha256(core);
    for (const part of parts) hasher.update(part);
    return hasher.digest();
  };

  it("gives the published digests", () => {
    for (const [text, hex] of vectors) expect(digest(Buffer.from(text))).toBe(`sha256:${hex}`);
  });

  it("agrees with node at the edges of blocks and of the stage", () => {
    for (const length of edges) {
      const bytes = randomBytes(length);
      expect(digest(bytes), `${length} bytes`).toBe(nodeDigest(bytes));
    }
  });

  it("agrees with node however the bytes are cut", () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(parts, (bytes) => {
        expect(digest(...bytes)).toBe(nodeDigest(Buffer.concat(bytes)));
      }),
    );
  });

  it("keeps many digests apart that are updated in turns", () => {
    const hashers = Array.from({ length: 50 }, () => createWasmSha256(core));
    const bytes = hashers.map(() => [randomBytes(100), randomBytes(33), randomBytes(200)]);
    for (let part = 0; part < 3; part++)
      hashers.forEach((hasher, i) => {
        hasher.update(bytes[i]?.[part] ?? Buffer.of());
      });
    expect(hashers.map((hasher) => hasher.digest())).toEqual(bytes.map((parts) => nodeDigest(Buffer.concat(parts))));
  });

  it("hashes bytes of core memory in place", () => {
    const view = core.memory.subarray(core.exports.INPUT.value + 3, core.exports.INPUT.value + 70_000);
    view.set(randomBytes(view.byteLength));
    expect(digest(view)).toBe(nodeDigest(view));
  });

  it("refuses use after the digest is taken", () => {
    const hasher = createWasmSha256(core);
    hasher.digest();
    const refused = expect.objectContaining({ code: "ERR_FAILED_PRECONDITION" }) as Error;
    expect(() => {
      hasher.update(Buffer.from("x"));
    }).toThrow(refused);
    expect(() => hasher.digest()).toThrow(refused);
  });

  it("gives its state back with the digest", () => {
    for (let i = 0; i < 3000; i++) createWasmSha256(core).digest();
  });

  it.each([2n ** 32n - 64n, 2n ** 32n, 2n ** 35n, 2n ** 53n, 2n ** 61n - 128n])(
    "counts lengths near %s bytes in full",
    (before) => {
      // A state as it is after `before` bytes: the words do not matter, the length goes into the last block.
      const { exports, memory } = core;
      const state = core.takeState();
      const view = new DataView(memory.buffer, state, 128);
      const last = Buffer.from("end");
      exports.sha256Start(state);
      view.setBigUint64(32, before, true);
      memory.set(last, exports.STAGE.value);
      exports.sha256Update(state, exports.STAGE.value, last.byteLength);
      expect(view.getBigUint64(32, true)).toBe(before + 3n);
      exports.sha256Finish(state);
      const block = Buffer.alloc(64);
      last.copy(block);
      block[3] = 0x80;
      block.writeBigUInt64BE((before + 3n) * 8n, 56);
      expect(Buffer.from(memory.subarray(state + 64, state + 128))).toEqual(block);
      core.releaseState(state);
    },
  );
});

describe.each(["simd", "plain"] as const)("createWasmSha256x4 (%s)", (build) => {
  const core = createCore(compileCore(build));

  it("agrees with node on four streams of any lengths, however cut", () => {
    const four = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<[T, T, T, T]> =>
      fc.tuple(arbitrary, arbitrary, arbitrary, arbitrary);
    fc.assert(
      fc.property(fc.array(four(fc.uint8Array({ maxLength: 500 })), { maxLength: 8 }), (rounds) => {
        const hasher = createWasmSha256x4(core);
        for (const parts of rounds) hasher.update(parts);
        const whole = [0, 1, 2, 3].map((lane) => Buffer.concat(rounds.map((parts) => parts[lane] ?? Buffer.of())));
        expect(hasher.digests()).toEqual(whole.map(nodeDigest));
      }),
    );
  });

  it.each(edges)("agrees with node on four streams of %i bytes", (length) => {
    const parts: FourOf<Buffer> = [randomBytes(length), randomBytes(length), randomBytes(length), randomBytes(length)];
    const hasher = createWasmSha256x4(core);
    hasher.update(parts);
    hasher.update([Buffer.of(1), Buffer.of(2, 2), Buffer.of(), Buffer.alloc(64)]);
    expect(hasher.digests()).toEqual(
      [Buffer.of(1), Buffer.of(2, 2), Buffer.of(), Buffer.alloc(64)].map((tail, lane) =>
        nodeDigest(Buffer.concat([parts[lane] ?? Buffer.of(), tail])),
      ),
    );
  });

  it("hashes bytes of core memory in place", () => {
    const at = core.exports.INPUT.value;
    core.memory.set(randomBytes(40_000), at);
    const view = (offset: number): Uint8Array => core.memory.subarray(at + offset, at + offset + 9999);
    const parts: FourOf<Uint8Array> = [view(0), view(10_001), view(20_002), view(30_000)];
    const hasher = createWasmSha256x4(core);
    hasher.update(parts);
    expect(hasher.digests()).toEqual(parts.map(nodeDigest));
  });
});

describe("sharedCore", () => {
  it("serves hashers that are given no core", () => {
    const hasher = createWasmSha256();
    hasher.update(Buffer.from("abc"));
    expect(hasher.digest()).toBe(nodeDigest(Buffer.from("abc")));
    expect(sharedCore()).toBe(sharedCore());
  });
});
