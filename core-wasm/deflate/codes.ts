/**
 * Codes for what a block holds, ready to be put out: bits in front (lowest first), how many of them in the top byte. A
 * length's code has its extra bits in it; a distance's is without.
 */
import { DISTANCE_SYMBOLS, LENGTH_BASE, LENGTH_CODES, LENGTH_EXTRA, MOST_LENGTH } from "./alphabets";

/** By symbol. */
export const LITERAL_CODES: usize = memory.data(288 * 4, 16);
/** By length. */
export const MATCH_CODES: usize = memory.data(260 * 4, 16);
/** By symbol. */
export const DISTANCE_CODES: usize = memory.data(32 * 4, 16);

/** The first code of each length. */
const NEXT: usize = memory.data(16 * 4, 16);

/** Canonical codes (RFC 1951, 3.2.2) for code lengths, bytes of at most 15, into words. */
export function assignCodes(lengths: usize, symbols: u32, codes: usize): void {
  memory.fill(NEXT, 0, 16 * 4);
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const at = NEXT + ((<usize>load<u8>(lengths + symbol)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let code: u32 = 0;
  store<u32>(NEXT, 0);
  for (let length: u32 = 1; length < 16; length++) {
    const count = load<u32>(NEXT + (length << 2));
    code <<= 1;
    store<u32>(NEXT + (length << 2), code);
    code += count;
  }
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const length = <u32>load<u8>(lengths + symbol);
    if (length == 0) continue;
    const at = NEXT + (length << 2);
    const mine = load<u32>(at);
    store<u32>(at, mine + 1);
    store<u32>(codes + (symbol << 2), (reverse16(mine) >>> (16 - length)) | (length << 24));
  }
}

function reverse16(bits: u32): u32 {
  bits = ((bits & 0x5555) << 1) | ((bits >>> 1) & 0x5555);
  bits = ((bits & 0x3333) << 2) | ((bits >>> 2) & 0x3333);
  bits = ((bits & 0x0f0f) << 4) | ((bits >>> 4) & 0x0f0f);
  return ((bits & 0x00ff) << 8) | (bits >>> 8);
}

/** All of them, from the code lengths of the two alphabets. */
export function prepareCodes(literalLengths: usize, distanceLengths: usize): void {
  // The fixed code gives room to two symbols more.
  assignCodes(literalLengths, 288, LITERAL_CODES);
  assignCodes(distanceLengths, DISTANCE_SYMBOLS, DISTANCE_CODES);
  for (let length: u32 = 3; length <= MOST_LENGTH; length++) {
    const code = <usize>load<u8>(LENGTH_CODES + length);
    const entry = load<u32>(LITERAL_CODES + ((257 + code) << 2));
    const bits = entry >>> 24;
    const extra = (length - <u32>load<u16>(LENGTH_BASE + (code << 1))) << bits;
    const all = bits + <u32>load<u8>(LENGTH_EXTRA + code);
    store<u32>(MATCH_CODES + (length << 2), (entry & 0xffffff) | extra | (all << 24));
  }
}
