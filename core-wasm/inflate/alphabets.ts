/**
 * The three alphabets of deflate (RFC 1951, 3.2.5 to 3.2.7) as table entries without their code lengths, and the buffers
 * for one block's code lengths and decoding tables.
 */
import { END_OF_BLOCK, EXCEPTION, LITERAL } from "./entry";

export const LITERAL_SYMBOLS: u32 = 288;
export const DISTANCE_SYMBOLS: u32 = 32;
export const LENGTH_SYMBOLS: u32 = 19;

/** Index bits of the main tables. */
export const LITERAL_BITS: u32 = 11;
export const DISTANCE_BITS: u32 = 8;
export const LENGTH_BITS: u32 = 7;

/** Main table and subtables; the most entries a complete code can need are 2342 and 402 (zlib's examples/enough.c). */
export const LITERAL_TABLE: usize = memory.data(2400 * 4, 64);
export const DISTANCE_TABLE: usize = memory.data(512 * 4, 64);
export const LENGTH_TABLE: usize = memory.data(128 * 4, 64);

export const LITERAL_ENTRIES: usize = memory.data(288 * 4, 16);
export const DISTANCE_ENTRIES: usize = memory.data(32 * 4, 16);
export const LENGTH_ENTRIES: usize = memory.data(19 * 4, 16);

/** Symbols 257 to 285. */
const LENGTH_BASE: usize = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]);
const LENGTH_EXTRA: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);

let ready: bool = false;

/** Fills the three lists of entries. */
export function prepareAlphabets(): void {
  if (ready) return;
  ready = true;
  for (let symbol: u32 = 0; symbol < 256; symbol++) {
    store<u32>(LITERAL_ENTRIES + (symbol << 2), LITERAL | (symbol << 16));
  }
  store<u32>(LITERAL_ENTRIES + 256 * 4, EXCEPTION | END_OF_BLOCK);
  for (let i: u32 = 0; i < 29; i++) {
    const base = <u32>load<u16>(LENGTH_BASE + (i << 1));
    store<u32>(LITERAL_ENTRIES + ((257 + i) << 2), (base << 16) | load<u8>(LENGTH_EXTRA + i));
  }
  store<u32>(LITERAL_ENTRIES + 286 * 4, EXCEPTION);
  store<u32>(LITERAL_ENTRIES + 287 * 4, EXCEPTION);
  let distance: u32 = 1;
  for (let symbol: u32 = 0; symbol < 30; symbol++) {
    const extra: u32 = symbol < 4 ? 0 : (symbol >>> 1) - 1;
    store<u32>(DISTANCE_ENTRIES + (symbol << 2), (distance << 16) | extra);
    distance += 1 << extra;
  }
  store<u32>(DISTANCE_ENTRIES + 30 * 4, EXCEPTION);
  store<u32>(DISTANCE_ENTRIES + 31 * 4, EXCEPTION);
  for (let symbol: u32 = 0; symbol < 19; symbol++) store<u32>(LENGTH_ENTRIES + (symbol << 2), symbol << 16);
}
