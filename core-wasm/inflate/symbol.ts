/** Decoding one symbol, within bounds whatever the input: used wherever the fast loop has too little room. */
import { DISTANCE_TOO_FAR, GO_ON, NEED_INPUT, UNUSED_DISTANCE_CODE, UNUSED_LITERAL_CODE } from "../shared/status";
import { DISTANCE_BITS, DISTANCE_TABLE, LITERAL_BITS, LITERAL_TABLE } from "./alphabets";
import { Bits, dropBits, fillBits } from "./bits";
import { copyMatch } from "./copy";
import { END_OF_BLOCK, EXCEPTION, LITERAL, SUBTABLE, codeBits, valueOf } from "./entry";
import { Output } from "./window";

/** The block's last symbol was read. */
export const BLOCK_END: i32 = 6;

/** `n` bits of the buffer from bit `at` on. */
function bitsAt(at: u32, n: u32): u32 {
  return (<u32>(Bits.buffer >> at)) & ((1 << n) - 1);
}

/** The entry for the code at bit `at`, in the main table or a subtable. */
function entryAt(at: u32, table: usize, tableBits: u32): u32 {
  const entry = load<u32>(table + (bitsAt(at, tableBits) << 2));
  if (!(entry & EXCEPTION) || !(entry & SUBTABLE)) return entry;
  return load<u32>(table + ((valueOf(entry) + bitsAt(at + tableBits, codeBits(entry))) << 2));
}

/** How long the code at bit `at` is. */
function lengthAt(at: u32, table: usize, tableBits: u32): u32 {
  const entry = load<u32>(table + (bitsAt(at, tableBits) << 2));
  const inSubtable = entry & EXCEPTION && entry & SUBTABLE;
  return inSubtable ? tableBits + codeBits(entryAt(at, table, tableBits)) : codeBits(entry);
}

function extraBits(entry: u32): u32 {
  return (entry & 0xff) - codeBits(entry);
}

/**
 * Decodes one symbol, or nothing at all: NEED_INPUT leaves the bits in the buffer. A symbol takes at most 48 bits, so
 * with input left the buffer always holds enough. Zeros stand for the bits not there yet; what is decided with their help
 * is dropped when the symbol turns out longer than the buffer.
 */
export function decodeSymbol(): i32 {
  fillBits();
  const entry = entryAt(0, LITERAL_TABLE, LITERAL_BITS);
  let used = lengthAt(0, LITERAL_TABLE, LITERAL_BITS);
  if (used > Bits.count) return NEED_INPUT;
  if (entry & LITERAL) {
    dropBits(used);
    store<u8>(Output.next, valueOf(entry));
    Output.next += 1;
    return GO_ON;
  }
  if (entry & EXCEPTION) {
    dropBits(used);
    return entry & END_OF_BLOCK ? BLOCK_END : UNUSED_LITERAL_CODE;
  }
  const length = valueOf(entry) + bitsAt(used, extraBits(entry));
  used += extraBits(entry);

  const distanceEntry = entryAt(used, DISTANCE_TABLE, DISTANCE_BITS);
  const distanceCode = lengthAt(used, DISTANCE_TABLE, DISTANCE_BITS);
  if (used + distanceCode > Bits.count) return NEED_INPUT;
  if (distanceEntry & EXCEPTION) return UNUSED_DISTANCE_CODE;
  used += distanceCode;
  const distance = valueOf(distanceEntry) + bitsAt(used, extraBits(distanceEntry));
  used += extraBits(distanceEntry);
  if (used > Bits.count) return NEED_INPUT;

  dropBits(used);
  if (distance > <u32>(Output.next - Output.oldest)) return DISTANCE_TOO_FAR;
  const end = Output.next + length;
  copyMatch(Output.next, distance, end);
  Output.next = end;
  return GO_ON;
}
