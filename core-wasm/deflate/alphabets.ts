/** The alphabets of deflate (RFC 1951, 3.2.5 to 3.2.7), from values to symbols. */

export const LITERAL_SYMBOLS: u32 = 286;
export const DISTANCE_SYMBOLS: u32 = 30;
export const LENGTH_SYMBOLS: u32 = 19;
export const END_OF_BLOCK: u32 = 256;
export const MOST_LENGTH: u32 = 258;

/** For each length of a match: its symbol less 257. */
export const LENGTH_CODES: usize = memory.data(259, 16);
/** For each of those: the smallest length. */
export const LENGTH_BASE: usize = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]);
export const LENGTH_EXTRA: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);

/** The order in which a block says the lengths of the code for code lengths. */
export const LENGTH_ORDER: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

let ready: bool = false;

export function prepareLengthCodes(): void {
  if (ready) return;
  ready = true;
  for (let code: u32 = 0; code < 29; code++) {
    const base = <u32>load<u16>(LENGTH_BASE + (code << 1));
    const count = (<u32>1) << load<u8>(LENGTH_EXTRA + code);
    for (let i: u32 = 0; i < count && base + i <= MOST_LENGTH; i++) store<u8>(LENGTH_CODES + base + i, <u8>code);
  }
}

/** Bits that follow the symbol of a distance. */
export function distanceExtra(symbol: u32): u32 {
  return symbol < 4 ? 0 : (symbol >>> 1) - 1;
}

export function distanceSymbol(distance: u32): u32 {
  const less = distance - 1;
  if (less < 4) return less;
  const top = 31 - clz(less);
  return (top << 1) + ((less >>> (top - 1)) & 1);
}

/** The smallest distance of a symbol. */
export function distanceBase(symbol: u32): u32 {
  return symbol < 4 ? symbol + 1 : ((2 | (symbol & 1)) << ((symbol >>> 1) - 1)) + 1;
}
