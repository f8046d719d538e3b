/** A block in the shortest of the three forms: stored, with the fixed codes, or with codes of its own. */
import {
  DISTANCE_SYMBOLS,
  distanceBase,
  distanceExtra,
  distanceSymbol,
  END_OF_BLOCK,
  LENGTH_EXTRA,
  LITERAL_SYMBOLS,
} from "./alphabets";
import { alignOut, Out, putBits, putBytes } from "./bit-writer";
import { SEQUENCES } from "./buffers";
import { codeLengths } from "./code-lengths";
import { DISTANCE_CODES, LITERAL_CODES, MATCH_CODES, prepareCodes } from "./codes";
import { DISTANCE_COUNTS, endCounts, LITERAL_COUNTS } from "./counts";
import { prepareHeader, putHeader } from "./header";
import { Found } from "./matches";

/** Four literals in a row, and a match whole, fit the 56 bits that are free. */
const LONGEST_LITERAL: u32 = 14;
const LONGEST_DISTANCE: u32 = 15;

const LITERAL_LENGTHS: usize = memory.data(288, 16);
const DISTANCE_LENGTHS: usize = memory.data(32, 16);
const FIXED_LITERAL_LENGTHS: usize = memory.data(288, 16);
const FIXED_DISTANCE_LENGTHS: usize = memory.data(32, 16);

/** RFC 1951, 3.2.6. */
export function prepareFixedLengths(): void {
  memory.fill(FIXED_LITERAL_LENGTHS, 8, 144);
  memory.fill(FIXED_LITERAL_LENGTHS + 144, 9, 112);
  memory.fill(FIXED_LITERAL_LENGTHS + 256, 7, 24);
  memory.fill(FIXED_LITERAL_LENGTHS + 280, 8, 8);
  memory.fill(FIXED_DISTANCE_LENGTHS, 5, 32);
}

/** Bits of what was counted, but for the extra bits of matches, which are the same with any code. */
function bitsWith(literalLengths: usize, distanceLengths: usize): u32 {
  let bits: u32 = 0;
  for (let symbol: u32 = 0; symbol < LITERAL_SYMBOLS; symbol++) {
    bits += load<u32>(LITERAL_COUNTS + (symbol << 2)) * <u32>load<u8>(literalLengths + symbol);
  }
  for (let symbol: u32 = 0; symbol < DISTANCE_SYMBOLS; symbol++) {
    bits += load<u32>(DISTANCE_COUNTS + (symbol << 2)) * <u32>load<u8>(distanceLengths + symbol);
  }
  return bits;
}

function matchExtraBits(): u32 {
  let bits: u32 = 0;
  for (let code: u32 = 0; code < 29; code++) {
    bits += load<u32>(LITERAL_COUNTS + ((257 + code) << 2)) * <u32>load<u8>(LENGTH_EXTRA + code);
  }
  for (let symbol: u32 = 0; symbol < DISTANCE_SYMBOLS; symbol++) {
    bits += load<u32>(DISTANCE_COUNTS + (symbol << 2)) * distanceExtra(symbol);
  }
  return bits;
}

/** Puts out the block just found and counted, which begins at `p`. */
export function putBlock(p: usize, isLast: bool): void {
  endCounts();
  codeLengths(LITERAL_COUNTS, LITERAL_SYMBOLS, LONGEST_LITERAL, LITERAL_LENGTHS);
  codeLengths(DISTANCE_COUNTS, DISTANCE_SYMBOLS, LONGEST_DISTANCE, DISTANCE_LENGTHS);
  const own = prepareHeader(LITERAL_LENGTHS, DISTANCE_LENGTHS) + bitsWith(LITERAL_LENGTHS, DISTANCE_LENGTHS);
  const fixed = bitsWith(FIXED_LITERAL_LENGTHS, FIXED_DISTANCE_LENGTHS);
  const length = Found.end - p;
  if (((<u32>length) << 3) + 32 + 7 <= min(own, fixed) + matchExtraBits()) {
    putStored(p, length, isLast);
    return;
  }
  const isFixed = fixed <= own;
  putBits((<u32>isLast) | (isFixed ? 2 : 4), 3);
  if (isFixed) {
    prepareCodes(FIXED_LITERAL_LENGTHS, FIXED_DISTANCE_LENGTHS);
  } else {
    putHeader();
    prepareCodes(LITERAL_LENGTHS, DISTANCE_LENGTHS);
  }
  putSequences(p);
}

/** At most 65,535 bytes as they are; none at all is a way to fill up a byte in between blocks. */
export function putStored(p: usize, length: usize, isLast: bool): void {
  putBits(<u32>isLast, 3);
  alignOut();
  putBits((<u32>length) | (~(<u32>length) << 16), 32);
  putBytes(p, length);
}

function codeOf(p: usize): u64 {
  return load<u32>(LITERAL_CODES + ((<usize>load<u8>(p)) << 2));
}

function putSequences(p: usize): void {
  let next = Out.next;
  let buffer = Out.buffer;
  let count = <u64>Out.count;
  const end = SEQUENCES + ((<usize>Found.sequences) << 3);
  for (let sequence = SEQUENCES; ; sequence += 8) {
    const isMatch = sequence < end;
    const found = isMatch ? load<u64>(sequence) : 0;
    const stop = isMatch ? p + <usize>(found >>> 32) : Found.end;
    for (; p + 4 <= stop; p += 4) {
      const a = codeOf(p);
      const b = codeOf(p + 1);
      const c = codeOf(p + 2);
      const d = codeOf(p + 3);
      buffer |= (a & 0xffffff) << count;
      count += a >>> 24;
      buffer |= (b & 0xffffff) << count;
      count += b >>> 24;
      buffer |= (c & 0xffffff) << count;
      count += c >>> 24;
      buffer |= (d & 0xffffff) << count;
      count += d >>> 24;
      store<u64>(next, buffer);
      next += <usize>(count >>> 3);
      buffer >>= count & 56;
      count &= 7;
    }
    for (; p < stop; p++) {
      const a = codeOf(p);
      buffer |= (a & 0xffffff) << count;
      count += a >>> 24;
    }
    // Up to 7 + 3 x 14 bits are there.
    store<u64>(next, buffer);
    next += <usize>(count >>> 3);
    buffer >>= count & 56;
    count &= 7;
    if (!isMatch) break;
    const length = <usize>(found & 0xffff);
    const distance = (<u32>(found >>> 16)) & 0xffff;
    const match = <u64>load<u32>(MATCH_CODES + (length << 2));
    buffer |= (match & 0xffffff) << count;
    count += match >>> 24;
    const symbol = distanceSymbol(distance);
    const code = <u64>load<u32>(DISTANCE_CODES + ((<usize>symbol) << 2));
    buffer |= (code & 0xffffff) << count;
    count += code >>> 24;
    buffer |= (<u64>(distance - distanceBase(symbol))) << count;
    count += distanceExtra(symbol);
    store<u64>(next, buffer);
    next += <usize>(count >>> 3);
    buffer >>= count & 56;
    count &= 7;
    p += length;
  }
  Out.next = next;
  Out.buffer = buffer;
  Out.count = <u32>count;
  const last = load<u32>(LITERAL_CODES + (END_OF_BLOCK << 2));
  putBits(last & 0xffffff, last >>> 24);
}
