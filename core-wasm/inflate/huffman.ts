/**
 * Decoding tables from code lengths. Codes are canonical (RFC 1951, 3.2.2) and are met lowest bit first, so here they are
 * held bit-reversed. Codes longer than the main table's index go on in subtables behind it.
 */
import { EXCEPTION, SUBTABLE } from "./entry";

const LONGEST_CODE: u32 = 15;
/** How many codes there are of each length, 0 to 15. */
const COUNTS: usize = memory.data(16 * 4, 16);
/** While sorting: where the next symbol of each length goes. */
const PLACES: usize = memory.data(16 * 4, 16);
/** Symbols ordered by code length, then by value; those without a code come first. */
const SORTED: usize = memory.data(288 * 2, 16);

/** Every bit pattern means something. */
export const COMPLETE: i32 = 0;
/** No code at all or a single one of one bit: the other patterns are errors only if they occur. */
export const SPARSE: i32 = 1;
export const INVALID: i32 = 2;

function countOf(length: u32): u32 {
  return load<u32>(COUNTS + (length << 2));
}

function countLengths(lengths: usize, symbols: u32): void {
  memory.fill(COUNTS, 0, 16 * 4);
  for (let i: u32 = 0; i < symbols; i++) {
    const at = COUNTS + ((<usize>load<u8>(lengths + i)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
}

function sortSymbols(lengths: usize, symbols: u32): void {
  let place: u32 = 0;
  for (let length: u32 = 0; length <= LONGEST_CODE; length++) {
    store<u32>(PLACES + (length << 2), place);
    place += countOf(length);
  }
  for (let i: u32 = 0; i < symbols; i++) {
    const at = PLACES + ((<usize>load<u8>(lengths + i)) << 2);
    const mine = load<u32>(at);
    store<u32>(at, mine + 1);
    store<u16>(SORTED + (mine << 1), <u16>i);
  }
}

/** The code that follows `code` in canonical order; both bit-reversed and of this length. */
function successor(code: u32, length: u32): u32 {
  const highestZero: u32 = 1 << (31 - clz(code ^ ((1 << length) - 1)));
  return (code & (highestZero - 1)) | highestZero;
}

/** Index bits for the subtable whose first code has this length, when `left` codes of that length are still to come. */
function subtableBits(tableBits: u32, length: u32, left: u32): u32 {
  let bits = length - tableBits;
  for (let used = left; used < (<u32>1) << bits; used = (used << 1) + countOf(tableBits + bits)) bits++;
  return bits;
}

/** All patterns are one symbol's 1-bit code, or meaningless. */
function fillSparse(table: usize, tableBits: u32, entries: usize, hasCode: bool): void {
  const unused = EXCEPTION + 0x101;
  const symbol = <usize>load<u16>(SORTED + (countOf(0) << 1));
  const even = hasCode ? load<u32>(entries + (symbol << 2)) + 0x101 : unused;
  const end = table + ((<usize>4) << tableBits);
  for (let at = table; at < end; at += 8) {
    store<u32>(at, even);
    store<u32>(at, unused, 4);
  }
}

/**
 * Fills `table` (1 << tableBits entries, then subtables) for the code given by the lengths of `symbols` symbols, each 0 to
 * 15. `entries` holds what each symbol stands for. Accepts the codes zlib accepts: see the results.
 */
export function buildTable(table: usize, tableBits: u32, lengths: usize, symbols: u32, entries: usize): i32 {
  countLengths(lengths, symbols);
  sortSymbols(lengths, symbols);
  let longest = LONGEST_CODE;
  while (longest > 0 && countOf(longest) == 0) longest--;
  let patterns: u32 = 0;
  for (let length: u32 = 1; length <= longest; length++) patterns = (patterns << 1) + countOf(length);
  if (longest == 0 || (longest == 1 && patterns == 1)) {
    fillSparse(table, tableBits, entries, longest == 1);
    return SPARSE;
  }
  if (patterns != (<u32>1) << longest) return INVALID;

  let symbol = SORTED + (countOf(0) << 1);
  let code: u32 = 0;
  // Each round doubles the part of the table that is right for all codes so far, then puts in those of its length.
  for (let length: u32 = 1; length <= tableBits; length++) {
    const half = (<usize>4) << (length - 1);
    memory.copy(table + half, table, half);
    for (let left = countOf(length); left > 0; left--) {
      const entry = load<u32>(entries + ((<usize>load<u16>(symbol)) << 2));
      store<u32>(table + (code << 2), entry + (length << 8) + length);
      symbol += 2;
      code = successor(code, length);
    }
  }

  const mask = ((<u32>1) << tableBits) - 1;
  let prefix: u32 = u32.MAX_VALUE;
  let start: u32 = 0;
  let end: u32 = mask + 1;
  for (let length = tableBits + 1; length <= longest; length++) {
    const rest = length - tableBits;
    for (let left = countOf(length); left > 0; left--) {
      if ((code & mask) != prefix) {
        prefix = code & mask;
        start = end;
        const bits = subtableBits(tableBits, length, left);
        end = start + (1 << bits);
        store<u32>(table + (prefix << 2), (start << 16) | EXCEPTION | SUBTABLE | (bits << 8) | tableBits);
      }
      const entry = load<u32>(entries + ((<usize>load<u16>(symbol)) << 2)) + (rest << 8) + rest;
      for (let i = start + (code >>> tableBits); i < end; i += 1 << rest) store<u32>(table + (i << 2), entry);
      symbol += 2;
      code = successor(code, length);
    }
  }
  return COMPLETE;
}
