/**
 * CRC-32 as gzip has it (RFC 1952, section 8). Eight bytes a step through eight tables; four segments are worked on side
 * by side and their remainders put together, so that the processor never waits for one chain of look-ups. Remainders are
 * kept complemented inside this file.
 */
import { ADVANCE, SEGMENT_BYTES, TABLES, buildTables } from "./tables";

function look(table: usize, byte: u64): u32 {
  return load<u32>(TABLES + 1024 * table + (((<usize>byte) & 255) << 2));
}

/** What the first four of eight bytes, xored with the remainder before them, give to the remainder after all eight. */
function firstFour(x: u64): u32 {
  return look(7, x) ^ look(6, x >>> 8) ^ look(5, x >>> 16) ^ look(4, x >>> 24);
}

function lastFour(x: u64): u32 {
  return look(3, x >>> 32) ^ look(2, x >>> 40) ^ look(1, x >>> 48) ^ look(0, x >>> 56);
}

/** One more byte into a complemented remainder; the tables must be built. */
export function crcByte(remainder: u32, byte: u32): u32 {
  return look(0, <u64>(remainder ^ byte)) ^ (remainder >>> 8);
}

function oneSegment(remainder: u32, p: usize, length: u32): u32 {
  const end = p + length;
  for (; p + 8 <= end; p += 8) {
    const x = load<u64>(p) ^ (<u64>remainder);
    remainder = firstFour(x) ^ lastFour(x);
  }
  for (; p < end; p++) remainder = crcByte(remainder, load<u8>(p));
  return remainder;
}

/** A remainder carried over one segment of zeros: what it contributes to that of the segments up to the next. */
function advance(r: u32): u32 {
  const low = load<u32>(ADVANCE + ((r & 255) << 2)) ^ load<u32>(ADVANCE + (((r >>> 8) & 255) << 2), 1024);
  return low ^ load<u32>(ADVANCE + (((r >>> 16) & 255) << 2), 2048) ^ load<u32>(ADVANCE + ((r >>> 24) << 2), 3072);
}

function fourSegments(remainder: u32, p: usize): u32 {
  let r0 = remainder;
  let r1: u32 = 0;
  let r2: u32 = 0;
  let r3: u32 = 0;
  const end = p + SEGMENT_BYTES;
  for (; p < end; p += 8) {
    const x0 = load<u64>(p) ^ (<u64>r0);
    const x1 = load<u64>(p, SEGMENT_BYTES) ^ (<u64>r1);
    const x2 = load<u64>(p, 2 * SEGMENT_BYTES) ^ (<u64>r2);
    const x3 = load<u64>(p, 3 * SEGMENT_BYTES) ^ (<u64>r3);
    r0 = firstFour(x0) ^ lastFour(x0);
    r1 = firstFour(x1) ^ lastFour(x1);
    r2 = firstFour(x2) ^ lastFour(x2);
    r3 = firstFour(x3) ^ lastFour(x3);
  }
  return advance(advance(advance(r0) ^ r1) ^ r2) ^ r3;
}

/** CRC-32 of the bytes whose CRC-32 is `crc` (0 for none) followed by these. */
export function crc32(crc: u32, p: usize, length: u32): u32 {
  buildTables();
  let remainder = ~crc;
  for (; length >= 4 * SEGMENT_BYTES; length -= 4 * SEGMENT_BYTES) {
    remainder = fourSegments(remainder, p);
    p += 4 * SEGMENT_BYTES;
  }
  return ~oneSegment(remainder, p, length);
}
