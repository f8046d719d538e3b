/**
 * The fast loop: nearly all symbols are decoded here. All state is in locals; it runs only while the input holds
 * INPUT_MARGIN more bytes and the output is below its limit, and so checks neither within a round.
 *
 * A round reads the buffer full (at least 56 bits), then up to three literals, or up to two and a match. The entry for
 * what follows is looked up before a copy starts, so that the load is under way meanwhile. Shifts take an entry as it is:
 * WebAssembly uses the low six bits, which are the bits to shift by; for the same reason only the low byte of `count` has
 * a meaning inside the loop. The scheme is libdeflate's.
 */
import { DISTANCE_TOO_FAR, GO_ON, UNUSED_DISTANCE_CODE, UNUSED_LITERAL_CODE } from "../shared/status";
import { DISTANCE_BITS, DISTANCE_TABLE, LITERAL_BITS, LITERAL_TABLE } from "./alphabets";
import { Bits } from "./bits";
import { copyMatch } from "./copy";
import { END_OF_BLOCK, EXCEPTION, LITERAL, SUBTABLE } from "./entry";
import { BLOCK_END } from "./symbol";
import { LIMIT, Output } from "./window";

/** A round fills the buffer at most twice, each time by at most 7 bytes, reading 8; once more before the first round. */
export const INPUT_MARGIN: usize = 32;

const LITERAL_MASK: u64 = (1 << LITERAL_BITS) - 1;
const DISTANCE_MASK: u64 = (1 << DISTANCE_BITS) - 1;

function literalEntry(buffer: u64): u64 {
  return load<u32>(LITERAL_TABLE + ((<usize>(buffer & LITERAL_MASK)) << 2));
}

/** The low `n & 63` bits. */
function low(bits: u64, n: u64): u64 {
  return bits & ~((<u64>-1) << n);
}

/** The entry of the subtable that `entry` points to. */
function inSubtable(table: usize, entry: u64, buffer: u64): u64 {
  return load<u32>(table + ((<usize>(entry >> 16) + <usize>low(buffer, (entry >> 8) & 31)) << 2));
}

/** Base plus extra bits; `bits` begins with the code. */
function valueWithExtra(entry: u64, bits: u64): usize {
  return <usize>(entry >> 16) + <usize>(low(bits, entry) >> (entry >> 8));
}

/** Bytes that go into the buffer: `next` moves on by as many. */
function filledBytes(count: u64): usize {
  return 7 - ((<usize>(count >> 3)) & 7);
}

/** GO_ON when room ran out, BLOCK_END, or an error. */
export function runFast(): i32 {
  let next = Bits.next;
  let to = Output.next;
  const end = Bits.end - INPUT_MARGIN;
  if (Bits.end - next < INPUT_MARGIN || to >= LIMIT) return GO_ON;
  const oldest = Output.oldest;
  let status: i32 = GO_ON;
  let count = <u64>Bits.count;
  let buffer = Bits.buffer | (load<u64>(next) << count);
  next += filledBytes(count);
  count |= 56;
  let entry = literalEntry(buffer);
  /** The buffer as it was before `entry`'s bits were dropped. */
  let before: u64 = 0;
  do {
    before = buffer;
    buffer >>= entry;
    count -= entry;
    if (entry & LITERAL) {
      store<u8>(to, <u32>(entry >> 16));
      to++;
      entry = literalEntry(buffer);
      before = buffer;
      buffer >>= entry;
      count -= entry;
      if (entry & LITERAL) {
        store<u8>(to, <u32>(entry >> 16));
        to++;
        entry = literalEntry(buffer);
        before = buffer;
        buffer >>= entry;
        count -= entry;
        if (entry & LITERAL) {
          const literal = <u32>(entry >> 16);
          entry = literalEntry(buffer);
          buffer |= load<u64>(next) << count;
          next += filledBytes(count);
          count |= 56;
          store<u8>(to, literal);
          to++;
          continue;
        }
      }
    }
    if (entry & EXCEPTION) {
      if (entry & SUBTABLE) {
        entry = inSubtable(LITERAL_TABLE, entry, buffer);
        before = buffer;
        buffer >>= entry;
        count -= entry;
        if (entry & LITERAL) {
          const literal = <u32>(entry >> 16);
          entry = literalEntry(buffer);
          buffer |= load<u64>(next) << count;
          next += filledBytes(count);
          count |= 56;
          store<u8>(to, literal);
          to++;
          continue;
        }
      }
      if (entry & EXCEPTION) {
        status = entry & END_OF_BLOCK ? BLOCK_END : UNUSED_LITERAL_CODE;
        break;
      }
    }
    const length = valueWithExtra(entry, before);

    entry = load<u32>(DISTANCE_TABLE + ((<usize>(buffer & DISTANCE_MASK)) << 2));
    if (entry & EXCEPTION) {
      if (!(entry & SUBTABLE)) {
        status = UNUSED_DISTANCE_CODE;
        break;
      }
      // 20 bits of code and extra bits follow, then the 11 of the next entry's look-up.
      if ((count & 0xff) < 39) {
        buffer |= load<u64>(next) << count;
        next += filledBytes(count);
        count |= 56;
      }
      buffer >>= DISTANCE_BITS;
      count -= DISTANCE_BITS;
      entry = inSubtable(DISTANCE_TABLE, entry, buffer);
    } else if ((count & 0xff) < 32) {
      buffer |= load<u64>(next) << count;
      next += filledBytes(count);
      count |= 56;
    }
    const distance = valueWithExtra(entry, buffer);
    buffer >>= entry;
    count -= entry;
    if (distance > to - oldest) {
      status = DISTANCE_TOO_FAR;
      break;
    }
    entry = literalEntry(buffer);
    buffer |= load<u64>(next) << count;
    next += filledBytes(count);
    count |= 56;
    const from = to;
    to += length;
    copyMatch(from, distance, to);
  } while (next <= end && to < LIMIT);
  count &= 63;
  Bits.next = next;
  Bits.buffer = low(buffer, count);
  Bits.count = <u32>count;
  Output.next = to;
  return status;
}
