/**
 * Mutated and random deflate streams: the core takes exactly what zlib takes, with the same output and length, however
 * the input is cut, in both builds, and writes nowhere but into its window. LAMINATE_FUZZ_RUNS sets how many streams.
 */
import zlib from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compressions, wordy } from "../unit/core-wasm/corpus.ts";
import { builds, inflateRaw, uncut, zlibVerdict } from "../unit/core-wasm/raw-inflate.ts";

const numRuns = Number(process.env["LAMINATE_FUZZ_RUNS"] ?? 1500);

const untouched = Buffer.alloc(builds[0]?.core.exports.STAGE_BYTES.value ?? 0, 0x5a);

function expectSame(bytes: Uint8Array, part: number): void {
  const expected = zlibVerdict(bytes);
  for (const { name, core } of builds) {
    const { exports, memory } = core;
    const behind = memory.subarray(exports.STAGE.value, exports.STAGE.value + exports.STAGE_BYTES.value);
    behind.fill(0x5a);
    for (const cut of [uncut, () => part]) {
      const { verdict, status } = inflateRaw(core, bytes, cut);
      const shown = `${name}, status ${status}, ${Buffer.from(bytes).toString("hex").slice(0, 4000)}`;
      if (expected === "rejected" || verdict === "rejected") {
        expect(verdict, shown).toBe(expected);
      } else {
        expect(verdict.consumed, shown).toBe(expected.consumed);
        expect(verdict.output.equals(expected.output), shown).toBe(true);
      }
    }
    expect(Buffer.compare(behind, untouched), name).toBe(0);
  }
}

const compressed = fc
  .tuple(fc.integer({ min: 0, max: 5000 }), fc.integer(), fc.constantFrom(...Object.values(compressions)))
  .map(([length, seed, options]) => zlib.deflateRawSync(wordy(length, seed), options));

/** A change at a place given as a fraction of the length. */
const change = fc.record({
  kind: fc.constantFrom("flip", "set", "drop", "insert", "copy"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  from: fc.double({ min: 0, max: 1, noNaN: true }),
  value: fc.integer({ min: 0, max: 255 }),
});

function changed(bytes: Buffer, changes: readonly (typeof change extends fc.Arbitrary<infer T> ? T : never)[]): Buffer {
  let result = Buffer.from(bytes);
  for (const { kind, at, from, value } of changes) {
    const place = Math.floor(at * Math.max(0, result.byteLength - 1));
    const head = result.subarray(0, place);
    const tail = result.subarray(place + 1);
    const here = result[place] ?? 0;
    const source = Math.floor(from * result.byteLength);
    if (kind === "flip") result = Buffer.concat([head, Buffer.of(here ^ (1 << (value & 7))), tail]);
    else if (kind === "set") result = Buffer.concat([head, Buffer.of(value), tail]);
    else if (kind === "drop") result = Buffer.concat([head, tail]);
    else if (kind === "insert") result = Buffer.concat([head, Buffer.of(value, here), tail]);
    else result = Buffer.concat([head, result.subarray(source, source + value), tail]);
  }
  return result;
}

const part = fc.integer({ min: 1, max: 300 });

describe("inflate", () => {
  it("does as zlib on mutated streams", () => {
    const changes = fc.array(change, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(compressed, changes, part, (bytes, how, cut) => {
        expectSame(changed(bytes, how), cut);
      }),
      { numRuns },
    );
  });

  it("does as zlib on streams whose first bytes, the codes, are mutated", () => {
    fc.assert(
      fc.property(
        compressed,
        fc.array(fc.tuple(fc.nat(800), fc.nat(7)), { maxLength: 3 }),
        part,
        (bytes, flips, cut) => {
          const mutated = Buffer.from(bytes);
          for (const [bit, more] of flips) {
            const at = (bit >> 3) % Math.max(1, mutated.byteLength);
            mutated[at] = (mutated[at] ?? 0) ^ (1 << ((bit + more) & 7));
          }
          expectSame(mutated, cut);
        },
      ),
      { numRuns },
    );
  });

  it("does as zlib on random bytes behind each kind of block header", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(7), part, (bytes, header, cut) => {
        expectSame(Buffer.concat([Buffer.of(((bytes[0] ?? 0) & 0xf8) | header), bytes]), cut);
      }),
      { numRuns },
    );
  });
});
