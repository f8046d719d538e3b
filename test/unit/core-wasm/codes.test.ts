import { describe, expect, it } from "vitest";
import { BitWriter, canonicalCodes, dynamicHeader, lengthsOf } from "./bit-writer.ts";
import { builds, everyByte, inflateRaw, uncut, zlibVerdict } from "./raw-inflate.ts";

const reject = (status: number): { status: number; output: undefined } => ({ status, output: undefined });
const accept = (output: string): { status: number; output: string } => ({ status: 4, output });

/** A block of literals "a" and the end, whose code lengths are given. */
function literalsOnly(literals: Readonly<Record<number, number>>, distances: readonly number[]): Uint8Array {
  const lengths = lengthsOf(257, literals);
  const codes = canonicalCodes(lengths);
  return dynamicHeader(lengths, distances).code(`${codes[97]}${codes[97]}${codes[256]}`).bytes();
}

/** A header of 258 lengths whose first ones are all zero, written as two repeats of zero by a code of two 1-bit codes. */
function zeroLengths(count: number): Uint8Array {
  const writer = new BitWriter().number(5, 3).number(0, 14);
  for (const length of [0, 1, 1, 0]) writer.number(length, 3);
  for (const repeat of [138, count - 138]) writer.code("1").number(repeat - 11, 7);
  return writer.bytes();
}

/** All 286 literal/length codes of 9 bits but the first 226 of 8: complete, with matches at hand. */
const evenLengths = Array.from({ length: 286 }, (_, symbol) => (symbol < 226 ? 8 : 9));
const evenCodes = canonicalCodes(evenLengths);

const cases: Readonly<Record<string, { bytes: Uint8Array; expected: { status: number; output: string | undefined } }>> =
  {
    "block type 3": { bytes: Uint8Array.of(7), expected: reject(-1) },
    "a stored length unlike its complement": { bytes: Uint8Array.of(1, 1, 0, 0xfe, 0xfe, 65), expected: reject(-2) },
    "287 literal/length codes": {
      bytes: new BitWriter().number(5, 3).number(30, 5).number(0, 5).number(0, 20).bytes(),
      expected: reject(-3),
    },
    "31 distance codes": {
      bytes: new BitWriter().number(5, 3).number(0, 5).number(30, 5).number(0, 20).bytes(),
      expected: reject(-3),
    },
    "no code-length code at all": {
      bytes: new BitWriter().number(5, 3).number(0, 14).number(0, 12).number(0, 400).bytes(),
      expected: reject(-4),
    },
    "an incomplete code-length code": {
      bytes: new BitWriter().number(5, 3).number(0, 14).number(1, 3).number(0, 9).number(0, 400).bytes(),
      expected: reject(-4),
    },
    "an over-subscribed code-length code": {
      bytes: new BitWriter().number(5, 3).number(0, 14).number(0x249, 12).number(0, 400).bytes(),
      expected: reject(-4),
    },
    "a repeat before any length": {
      bytes: new BitWriter().number(5, 3).number(0, 14).number(1, 3).number(1, 3).number(0, 6).number(0, 99).bytes(),
      expected: reject(-5),
    },
    "repeats up to the last length": { bytes: zeroLengths(258), expected: reject(-7) },
    "a repeat one past the last length": { bytes: zeroLengths(259), expected: reject(-6) },
    "a repeat far past the last length": { bytes: zeroLengths(276), expected: reject(-6) },
    "no end-of-block code": { bytes: literalsOnly({ 97: 1, 98: 1 }, [0]), expected: reject(-7) },
    "an over-subscribed literal code": { bytes: literalsOnly({ 97: 1, 98: 1, 256: 1 }, [0]), expected: reject(-8) },
    "over-subscription that a longer code hides": {
      bytes: literalsOnly({ 97: 1, 98: 1, 99: 2, 256: 15 }, [0]),
      expected: reject(-8),
    },
    "an incomplete literal code": { bytes: literalsOnly({ 97: 2, 256: 2 }, [0]), expected: reject(-8) },
    "an incomplete literal code with two lengths": {
      bytes: literalsOnly({ 97: 1, 256: 3 }, [0]),
      expected: reject(-8),
    },
    "an incomplete distance code": { bytes: literalsOnly({ 97: 1, 256: 1 }, [2, 2]), expected: reject(-9) },
    "a single distance code of two bits": { bytes: literalsOnly({ 97: 1, 256: 1 }, [2]), expected: reject(-9) },
    "an over-subscribed distance code": { bytes: literalsOnly({ 97: 1, 256: 1 }, [1, 1, 1]), expected: reject(-9) },
    "no distance code, unused": { bytes: literalsOnly({ 97: 1, 256: 1 }, [0]), expected: accept("aa") },
    "a single distance code, unused": { bytes: literalsOnly({ 97: 1, 256: 1 }, [1]), expected: accept("aa") },
    "only an end-of-block code": {
      bytes: dynamicHeader(lengthsOf(257, { 256: 1 }), [0])
        .code("0")
        .bytes(),
      expected: accept(""),
    },
    "the other pattern of a 1-bit end-of-block code": {
      bytes: dynamicHeader(lengthsOf(257, { 256: 1 }), [0])
        .code("1")
        .bytes(),
      expected: reject(-10),
    },
    "a literal code of 15 bits": {
      bytes: literalsOnly(
        {
          1: 1,
          2: 2,
          3: 3,
          4: 4,
          5: 5,
          6: 6,
          7: 7,
          8: 8,
          9: 9,
          10: 10,
          11: 11,
          12: 12,
          13: 13,
          14: 14,
          97: 15,
          256: 15,
        },
        [0],
      ),
      expected: accept("aa"),
    },
    "a match without a distance code": {
      bytes: dynamicHeader(evenLengths, [0]).code(`${evenCodes[97]}${evenCodes[257]}`).number(0, 60).bytes(),
      expected: reject(-11),
    },
    "a match by the single distance code": {
      bytes: dynamicHeader(evenLengths, [1]).code(`${evenCodes[97]}${evenCodes[258]}0${evenCodes[256]}`).bytes(),
      expected: accept("aaaaa"),
    },
    "the other pattern of a single distance code": {
      bytes: dynamicHeader(evenLengths, [1]).code(`${evenCodes[97]}${evenCodes[258]}1`).number(0, 60).bytes(),
      expected: reject(-11),
    },
    "a distance before the first byte": {
      bytes: dynamicHeader(evenLengths, [1, 1]).code(`${evenCodes[97]}${evenCodes[258]}1`).number(0, 60).bytes(),
      expected: reject(-12),
    },
    "length 258 written as 227 plus 31": {
      bytes: dynamicHeader(evenLengths, [1])
        .code(`${evenCodes[97]}${evenCodes[284]}`)
        .number(31, 5)
        .code(`0${evenCodes[256]}`)
        .bytes(),
      expected: accept("a".repeat(259)),
    },
    "fixed literal/length code 286": {
      bytes: new BitWriter().number(3, 3).code("11000110").number(0, 60).bytes(),
      expected: reject(-10),
    },
    "fixed distance code 30": {
      bytes: new BitWriter().number(3, 3).code("10010001").code("0000001").code("11110").number(0, 60).bytes(),
      expected: reject(-11),
    },
    "fixed codes with nothing in them": { bytes: Uint8Array.of(3, 0), expected: accept("") },
    "an empty stored block": { bytes: Uint8Array.of(1, 0, 0, 0xff, 0xff), expected: accept("") },
  };

describe.each(builds)("codes ($name)", ({ core }) => {
  it.each(Object.entries(cases))("decoding does as zlib on %s", (_, { bytes, expected }) => {
    // Bytes behind the stream let the fast loop have its turn; without them it is the careful one's.
    for (const padding of [0, 64]) {
      const padded = Buffer.concat([bytes, Buffer.alloc(padding)]);
      const zlibs = zlibVerdict(padded);
      for (const cut of [uncut, everyByte]) {
        const { verdict, status } = inflateRaw(core, padded, cut);
        expect(status).toBe(expected.status);
        expect(verdict).toEqual(zlibs);
        expect(verdict === "rejected" ? undefined : verdict.output.toString()).toBe(expected.output);
      }
    }
  });
});
