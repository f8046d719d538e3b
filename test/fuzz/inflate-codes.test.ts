/**
 * Streams that no compressor makes: random complete codes, with lengths up to the 15 bits allowed, and random symbols
 * with all their extra bits. What they decode to is known from how they are made, and zlib must agree.
 */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BitWriter, canonicalCodes, dynamicHeader } from "../unit/core-wasm/bit-writer.ts";
import { builds, inflateRaw, uncut, zlibVerdict } from "../unit/core-wasm/raw-inflate.ts";

const numRuns = Number(process.env["LAMINATE_FUZZ_RUNS"] ?? 300);

/** Base and extra bits of each length symbol from 257 on, and of each distance symbol (RFC 1951, 3.2.5). */
const lengthCodes = Array.from({ length: 29 }, (_, i): readonly [number, number] => {
  if (i === 28) return [258, 0];
  const extra = i < 8 ? 0 : (i >> 2) - 1;
  return [i < 8 ? 3 + i : 3 + ((4 + (i & 3)) << extra), extra];
});
const distanceCodes = Array.from({ length: 30 }, (_, i): readonly [number, number] => {
  const extra = i < 4 ? 0 : (i >> 1) - 1;
  return [i < 4 ? 1 + i : 1 + ((2 + (i & 1)) << extra), extra];
});

type Random = (below: number) => number;

/** Lengths of a random complete code of `used` symbols out of `count`; `deep` makes it prefer to split its longest. */
function randomCode(count: number, used: number, deep: boolean, random: Random): readonly number[] {
  const leaves = [1, 1];
  while (leaves.length < used) {
    const open = leaves.flatMap((length, i) => (length < 15 ? [i] : []));
    const chosen = (deep && random(4) > 0 ? open.at(-1) : undefined) ?? open[random(open.length)] ?? 0;
    const length = (leaves[chosen] ?? 0) + 1;
    leaves[chosen] = length;
    leaves.push(length);
  }
  const lengths = Array.from({ length: count }, () => 0);
  const symbols = Array.from({ length: count }, (_, symbol) => symbol);
  for (const length of leaves) lengths[symbols.splice(random(symbols.length), 1)[0] ?? 0] = length;
  return lengths;
}

interface Made {
  readonly bytes: Uint8Array;
  readonly output: Buffer;
}

/** 32 KiB stored, so that any distance is good, then a block of `tokens` random symbols in random codes. */
function make(literals: number, distances: number, deep: boolean, tokens: number, random: Random): Made {
  const lengths = [...randomCode(286, Math.max(3, literals), deep, random)];
  // The end of the block must have a code: it takes that of some other symbol if it has none.
  if (lengths[256] === 0) {
    const other = lengths.findIndex((length) => length > 0);
    lengths[256] = lengths[other] ?? 0;
    lengths[other] = 0;
  }
  const distanceLengths = randomCode(30, Math.max(2, distances), deep, random);
  const codes = canonicalCodes(lengths);
  const symbols = codes.flatMap((code, symbol) => (code === "" || symbol === 256 ? [] : [symbol]));
  const distanceSymbols = distanceLengths.flatMap((length, symbol) => (length > 0 ? [symbol] : []));
  const distanceTexts = canonicalCodes(distanceLengths);
  const writer = dynamicHeader(lengths, distanceLengths);
  const first = randomBytes(32768);
  const output: number[] = [...first];
  for (let i = 0; i < tokens; i++) {
    const symbol = symbols[random(symbols.length)] ?? 0;
    writer.code(codes[symbol] ?? "");
    if (symbol < 256) {
      output.push(symbol);
      continue;
    }
    const [base, extra] = lengthCodes[symbol - 257] ?? [0, 0];
    const more = random(1 << extra);
    writer.number(more, extra);
    const distanceSymbol = distanceSymbols[random(distanceSymbols.length)] ?? 0;
    const [from, distanceExtra] = distanceCodes[distanceSymbol] ?? [0, 0];
    const further = random(1 << distanceExtra);
    writer.code(distanceTexts[distanceSymbol] ?? "").number(further, distanceExtra);
    const start = output.length - from - further;
    for (let k = 0; k < base + more; k++) output.push(output[start + k] ?? 0);
  }
  writer.code(codes[256] ?? "");
  const header = new BitWriter()
    .number(0, 8)
    .number(32768, 16)
    .number(32768 ^ 0xffff, 16)
    .bytes();
  return { bytes: Buffer.concat([header, first, writer.bytes()]), output: Buffer.from(output) };
}

describe("inflate", () => {
  it("decodes random symbols in random codes, as zlib does", () => {
    const shape = fc.tuple(fc.integer({ min: 3, max: 286 }), fc.integer({ min: 2, max: 30 }), fc.boolean());
    const part = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(
        shape,
        fc.integer({ min: 0, max: 3000 }),
        fc.infiniteStream(fc.nat()),
        part,
        (dims, tokens, stream, cut) => {
          const random: Random = (below) => Number(stream.next().value) % below;
          const { bytes, output } = make(...dims, tokens, random);
          const expected = zlibVerdict(bytes);
          if (expected === "rejected") expect.fail("zlib rejects what was made");
          expect(expected.output.equals(output)).toBe(true);
          for (const { name, core } of builds) {
            for (const how of [uncut, () => cut]) {
              const { verdict, status } = inflateRaw(core, bytes, how);
              if (verdict === "rejected") expect.fail(`${name} rejects with status ${status}`);
              expect(verdict.consumed, name).toBe(bytes.byteLength);
              expect(verdict.output.equals(output), name).toBe(true);
            }
          }
        },
      ),
      { numRuns },
    );
  });
});
