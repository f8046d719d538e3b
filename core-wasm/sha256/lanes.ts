/** Four SHA-256 states updated side by side. Without SIMD they go one after the other: same result, no gain. */
import { compressLanes } from "./compress-lanes";
import { BLOCK_BYTES } from "./constants";
import { addLength, sha256Update } from "./stream";

/** The four states' words, transposed: eight vectors, lane i from state i. */
const LANES: usize = memory.data(128, 64);

function gather(lane: usize, state: usize): void {
  for (let word: usize = 0; word < 8; word++) {
    store<u32>(LANES + 16 * word + 4 * lane, load<u32>(state + 4 * word));
  }
}

function scatter(lane: usize, state: usize): void {
  for (let word: usize = 0; word < 8; word++) {
    store<u32>(state + 4 * word, load<u32>(LANES + 16 * word + 4 * lane));
  }
}

/** Adds `blocks` whole blocks to each of four different states, none of which may hold a partial block. */
export function sha256UpdateLanes(
  state0: usize,
  state1: usize,
  state2: usize,
  state3: usize,
  p0: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  blocks: u32,
): void {
  const length = blocks * <u32>BLOCK_BYTES;
  if (!ASC_FEATURE_SIMD) {
    sha256Update(state0, p0, length);
    sha256Update(state1, p1, length);
    sha256Update(state2, p2, length);
    sha256Update(state3, p3, length);
    return;
  }
  gather(0, state0);
  gather(1, state1);
  gather(2, state2);
  gather(3, state3);
  compressLanes(LANES, p0, p1, p2, p3, blocks);
  scatter(0, state0);
  scatter(1, state1);
  scatter(2, state2);
  scatter(3, state3);
  addLength(state0, length);
  addLength(state1, length);
  addLength(state2, length);
  addLength(state3, length);
}
