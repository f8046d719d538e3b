/**
 * SHA-256 of a byte stream that comes in parts of any size (FIPS 180-4, 5.1.1 and 6.2). A state is STATE_BYTES of memory
 * that the host lends: the eight words of the hash, the length so far in bytes, and the block not yet full.
 */
import { compressScalar } from "./compress";
import { compressSimd } from "./compress-simd";
import { BLOCK_BYTES, INITIAL } from "./constants";

const LENGTH: usize = 32;
const BLOCK: usize = 64;
/** Where the padded last block holds the length in bits. */
const BIT_LENGTH: usize = 56;

function compress(state: usize, p: usize, blocks: u32): void {
  if (ASC_FEATURE_SIMD) compressSimd(state, p, blocks);
  else compressScalar(state, p, blocks);
}

export function sha256Start(state: usize): void {
  memory.copy(state, INITIAL, 32);
  store<u64>(state, 0, LENGTH);
}

/** How many bytes of the block are filled: 0 to 63. */
export function filled(state: usize): u32 {
  return load<u32>(state, LENGTH) & 63;
}

export function addLength(state: usize, length: u64): void {
  store<u64>(state, load<u64>(state, LENGTH) + length, LENGTH);
}

export function sha256Update(state: usize, p: usize, length: u32): void {
  const used = filled(state);
  addLength(state, length);
  if (used > 0) {
    const taken = min<u32>(64 - used, length);
    memory.copy(state + BLOCK + used, p, taken);
    if (used + taken < 64) return;
    compress(state, state + BLOCK, 1);
    p += taken;
    length -= taken;
  }
  const blocks = length >>> 6;
  if (blocks > 0) compress(state, p, blocks);
  memory.copy(state + BLOCK, p + <usize>blocks * BLOCK_BYTES, length & 63);
}

/** Pads, mixes the last one or two blocks and leaves the digest, big-endian, in the first 32 bytes of the state. */
export function sha256Finish(state: usize): void {
  const bits = load<u64>(state, LENGTH) << 3;
  const block = state + BLOCK;
  let used = filled(state);
  store<u8>(block + used, 0x80);
  used += 1;
  if (used > <u32>BIT_LENGTH) {
    memory.fill(block + used, 0, 64 - used);
    compress(state, block, 1);
    used = 0;
  }
  memory.fill(block + used, 0, <u32>BIT_LENGTH - used);
  store<u64>(block, bswap<u64>(bits), BIT_LENGTH);
  compress(state, block, 1);
  for (let at: usize = 0; at < 32; at += 4) store<u32>(state + at, bswap<u32>(load<u32>(state + at)));
}
