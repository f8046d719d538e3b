/** The look-up tables of CRC-32, filled at the first use. */

/** x^32 + ... + 1 without its highest term, its bits reversed: bit 31 is the coefficient of x^0. */
const POLYNOMIAL: u32 = 0xedb88320;

/** Eight tables of 256 words: table t gives the remainder of a byte followed by t zero bytes. */
export const TABLES: usize = memory.data(8 * 1024, 64);

/** Segments of this many bytes are worked on side by side. */
export const SEGMENT_BYTES: u32 = 4096;

/** Four tables of 256 words: table k gives the remainder's byte k carried over SEGMENT_BYTES zero bytes. */
export const ADVANCE: usize = memory.data(4 * 1024, 64);

let built: bool = false;

export function buildTables(): void {
  if (built) return;
  built = true;
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = timesX(crc);
    store<u32>(TABLES + (byte << 2), crc);
  }
  for (let at: usize = 1024; at < 8 * 1024; at += 4) {
    const shorter = load<u32>(TABLES + at - 1024);
    store<u32>(TABLES + at, load<u32>(TABLES + ((shorter & 255) << 2)) ^ (shorter >>> 8));
  }
  const carried = xToThe(8 * SEGMENT_BYTES);
  for (let at: u32 = 0; at < 1024; at++) {
    store<u32>(ADVANCE + (at << 2), multiply(carried, (at & 255) << (8 * (at >>> 8))));
  }
}

function timesX(a: u32): u32 {
  return a & 1 ? (a >>> 1) ^ POLYNOMIAL : a >>> 1;
}

/** a times b modulo the polynomial. */
function multiply(a: u32, b: u32): u32 {
  let product: u32 = 0;
  for (let bit: u32 = 1 << 31; bit != 0; bit >>>= 1) {
    if (a & bit) product ^= b;
    b = timesX(b);
  }
  return product;
}

/** x^n modulo the polynomial. */
function xToThe(n: u32): u32 {
  let power: u32 = 1 << 31;
  for (let square: u32 = 1 << 30; n != 0; n >>>= 1) {
    if (n & 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}
