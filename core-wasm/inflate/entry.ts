/**
 * An entry of a decoding table: what the next bits mean, in 32 bits made for the fast loop.
 *
 * bits 0-7: how many bits it takes in all, extra bits included (the shift by an entry uses its low 6 bits)
 * bits 8-13: how many of them are the code itself; for a subtable, the bits of its index
 * bits 16-30: the literal, the base length or base distance, or the subtable's start
 */
export const LITERAL: u32 = 0x80000000;
/** Neither literal nor base: a subtable, the end of the block or, with neither of those set, a code without meaning. */
export const EXCEPTION: u32 = 0x8000;
export const SUBTABLE: u32 = 0x4000;
/** Only together with EXCEPTION and without SUBTABLE. */
export const END_OF_BLOCK: u32 = 0x2000;

export function codeBits(entry: u32): u32 {
  return (entry >>> 8) & 31;
}

export function valueOf(entry: u32): u32 {
  return (entry >>> 16) & 0x7fff;
}
