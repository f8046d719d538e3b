/** Numbers as tar writes them: padded octal, base-256 (GNU, star) and the decimals of PAX and sparse maps. */

const SPACE: u32 = 0x20;
const ZERO: u32 = 0x30;
const MINUS: u32 = 0x2d;
const MOST: u64 = ((<u64>1) << 53) - 1;

/** `value` as a double when it is exact, else an infinity of the sign. */
function exact(value: u64, negative: bool): f64 {
  if (value > MOST) return negative ? -Infinity : Infinity;
  const number = <f64>value;
  return negative ? -number : number;
}

/**
 * Octal within spaces and NULs, both sides; what follows a NUL after the digits does not count. An empty field is 0.
 * The same fields parse as in Go's archive/tar, which decides what images can contain.
 */
export function octal(field: usize, width: usize): f64 {
  const end = field + width;
  let at = field;
  while (at < end && (load<u8>(at) == 0 || load<u8>(at) == SPACE)) at++;
  let value: u64 = 0;
  while (at < end) {
    const digit = <u32>load<u8>(at) - ZERO;
    if (digit > 7) break;
    if (value >> 60 != 0) return Infinity;
    value = (value << 3) | digit;
    at++;
  }
  while (at < end && load<u8>(at) == SPACE) at++;
  if (at < end && load<u8>(at) != 0) return NaN;
  return exact(value, false);
}

/** A numeric header field: base-256 when its first bit is set (its second bit is the sign), else octal. */
export function numeric(field: usize, width: usize): f64 {
  const first = <u32>load<u8>(field);
  if ((first & 0x80) == 0) return octal(field, width);
  const negative = (first & 0x40) != 0;
  const invert: u32 = negative ? 0xff : 0;
  let value: u64 = (first ^ invert) & 0x7f;
  for (let i: usize = 1; i < width; i++) {
    if (value >> 55 != 0) return negative ? -Infinity : Infinity;
    value = (value << 8) | (((<u32>load<u8>(field + i)) ^ invert) & 0xff);
  }
  // Two's complement: the inverted bits are one less than the magnitude.
  return exact(negative ? value + 1 : value, negative);
}

/** Decimal digits, all of the value, with "-" allowed before them. */
export function decimal(at: usize, length: usize): f64 {
  const end = at + length;
  const negative = at < end && load<u8>(at) == MINUS;
  if (negative) at++;
  if (at == end) return NaN;
  let value: u64 = 0;
  let over = false;
  while (at < end) {
    const digit = <u32>load<u8>(at) - ZERO;
    if (digit > 9) return NaN;
    if (value > MOST) over = true;
    else value = value * 10 + digit;
    at++;
  }
  if (over) return negative ? -Infinity : Infinity;
  return exact(value, negative);
}

/** Nanoseconds from the decimals after a point: nine count, the rest is cut off. -1 if there is anything but digits. */
export function fraction(at: usize, length: usize): i32 {
  let nanos: i32 = 0;
  for (let i: usize = 0; i < length; i++) {
    const digit = <u32>load<u8>(at + i) - ZERO;
    if (digit > 9) return -1;
    if (i < 9) nanos = nanos * 10 + digit;
  }
  for (let i = length; i < 9; i++) nanos *= 10;
  return nanos;
}
