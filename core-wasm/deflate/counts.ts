/** How often each symbol occurs in the block at hand. */
import { DISTANCE_SYMBOLS, END_OF_BLOCK, LENGTH_CODES, LITERAL_SYMBOLS, MOST_LENGTH } from "./alphabets";

/** Words for 288 symbols; those of lengths are filled in by {@link endCounts}. */
export const LITERAL_COUNTS: usize = memory.data(288 * 4, 16);
export const DISTANCE_COUNTS: usize = memory.data(32 * 4, 16);
/** For each length of a match. */
export const MATCH_COUNTS: usize = memory.data(260 * 4, 16);

export function clearCounts(): void {
  memory.fill(LITERAL_COUNTS, 0, LITERAL_SYMBOLS * 4);
  memory.fill(DISTANCE_COUNTS, 0, DISTANCE_SYMBOLS * 4);
  memory.fill(MATCH_COUNTS, 0, (MOST_LENGTH + 1) * 4);
}

export function countLiterals(p: usize, end: usize): void {
  for (; p < end; p++) increment(LITERAL_COUNTS + ((<usize>load<u8>(p)) << 2));
}

export function increment(counter: usize): void {
  store<u32>(counter, load<u32>(counter) + 1);
}

export function endCounts(): void {
  store<u32>(LITERAL_COUNTS + (END_OF_BLOCK << 2), 1);
  for (let length: u32 = 3; length <= MOST_LENGTH; length++) {
    const symbol = 257 + <u32>load<u8>(LENGTH_CODES + length);
    const at = LITERAL_COUNTS + (symbol << 2);
    store<u32>(at, load<u32>(at) + load<u32>(MATCH_COUNTS + (length << 2)));
  }
}
