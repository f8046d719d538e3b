/** The numbers of sparse maps: pairs in GNU headers and their extension blocks, decimals in PAX 0.1 and 1.0. */
import { numeric } from "./numeric";
import { Field, Mark, TABLE_NUMBERS, setMark, setNumber, setTable } from "./fields";

const MOST: f64 = 9007199254740991;

/** Up to `most` pairs of 12-byte numbers, offset and length; an offset that starts with NUL ends them. */
export function sparsePairs(at: usize, most: i32): void {
  let count = 0;
  while (count < most && load<u8>(at) != 0) {
    setTable(count << 1, numeric(at, 12));
    setTable((count << 1) + 1, numeric(at + 12, 12));
    at += 24;
    count++;
  }
  setMark(Mark.sparseCount, count << 1);
}

/** A 512-byte extension block of an old GNU sparse header: 21 pairs and whether another block follows. */
export function tarSparseBlock(block: usize): void {
  sparsePairs(block, 21);
  setMark(Mark.sparseMore, load<u8>(block + 504));
}

/**
 * Decimal numbers that each end in `separator`, from `length` bytes (at most 512) that may cut a number anywhere:
 * `carry` and `digits` are what the call before ended in. Finished numbers are in the table.
 * Stops after `most` of them. Returns the bytes read, or -1 at anything but a digit or the separator.
 */
export function tarDecimals(at: usize, length: i32, separator: i32, most: i32, carry: f64, digits: i32): i32 {
  let count = 0;
  let read = 0;
  const room = min(most, TABLE_NUMBERS);
  while (read < length && count < room) {
    const byte = <i32>load<u8>(at + read);
    read++;
    if (byte == separator) {
      if (digits == 0) return -1;
      setTable(count, carry > MOST ? Infinity : carry);
      count++;
      carry = 0;
      digits = 0;
      continue;
    }
    const digit = byte - 0x30;
    if (digit < 0 || digit > 9) return -1;
    // Past 2^53 the value is wrong but stays past it, and doubles do not wrap.
    carry = carry * 10 + <f64>digit;
    digits = 1;
  }
  setMark(Mark.sparseCount, count);
  setNumber(Field.carry, carry);
  setMark(Mark.digits, digits);
  return read;
}
