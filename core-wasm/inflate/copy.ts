/**
 * Copying a match onto the end of the output, where source and destination may overlap and bytes repeat. Copies go by
 * whole words and may write up to 31 bytes past the end: the slack of the window is for that.
 */

/** For each distance below 16: the source byte for each of 16 bytes. */
const PATTERNS: usize = memory.data(16 * 16, 16);
/** For each distance below 16: the multiple of it that fits 16 bytes. */
const STRIDES: usize = memory.data(16, 16);

export function prepareCopies(): void {
  for (let distance: u32 = 1; distance < 16; distance++) {
    for (let i: u32 = 0; i < 16; i++) store<u8>(PATTERNS + 16 * distance + i, i % distance);
    store<u8>(STRIDES + distance, 16 - (16 % distance));
  }
}

/** Copies up to `end` from `distance` bytes before `to`, at least 3 bytes. */
export function copyMatch(to: usize, distance: usize, end: usize): void {
  let from = to - distance;
  if (ASC_FEATURE_SIMD) {
    if (distance >= 16) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      for (to += 32, from += 32; to < end; to += 16, from += 16) v128.store(to, v128.load(from));
    } else if (distance == 1) {
      const bytes = v128.load8_splat(from);
      for (; to < end; to += 32) {
        v128.store(to, bytes);
        v128.store(to, bytes, 16);
      }
    } else {
      const bytes = i8x16.swizzle(v128.load(from), v128.load(PATTERNS + (distance << 4)));
      const stride = <usize>load<u8>(STRIDES + distance);
      for (; to < end; to += stride) v128.store(to, bytes);
    }
  } else if (distance >= 8) {
    for (; to < end; to += 8, from += 8) store<u64>(to, load<u64>(from));
  } else if (distance == 1) {
    const bytes = <u64>load<u8>(from) * 0x0101010101010101;
    for (; to < end; to += 8) store<u64>(to, bytes);
  } else {
    // Each step reads eight bytes of which at least `distance` are right, and moves on by as many.
    for (; to < end; to += distance, from += distance) store<u64>(to, load<u64>(from));
  }
}
