/** Where deflating happens. One piece of content at a time, with what came before it in front. */

/** How far back a match may reach (RFC 1951, 3.2.5): the most that is taken of what came before. */
export const DICTIONARY_BYTES: usize = 32 * 1024;
/** The most content of one call. */
export const CONTENT_BYTES: usize = 512 * 1024;

/** Two addresses for each hash, the newer one low. */
export const BUCKETS_LOG: u32 = 15;
const BUCKETS_BYTES: usize = 8 << 15;

/**
 * Before the window, so that the address 0 of an empty place in a bucket is farther from any content than a match may
 * reach. After it, room for wide loads.
 */
export const BUCKETS: usize = memory.data(262144 + 32768 + 524288 + 64, 64);
export const DEFLATE_CONTENT: usize = BUCKETS + BUCKETS_BYTES + DICTIONARY_BYTES;

/**
 * The most bytes of a block, so that it can also be stored as one: less than 65,535 by the longest match, which may end
 * beyond it.
 */
export const BLOCK_BYTES: usize = 65535 - 258;
/** The most matches of a block. */
export const BLOCK_SEQUENCES: u32 = 10240;

/** For each match: length (16 bits), distance (16 bits), bytes before it that are not of a match (32 bits). */
export const SEQUENCES: usize = memory.data(10240 * 8, 64);

/** Content that cannot be compressed takes five bytes a block more than it is, and ten at the ends. */
export const DEFLATE_OUTPUT: usize = memory.data(524288 + 1024, 64);

export function clearBuckets(): void {
  memory.fill(BUCKETS, 0, BUCKETS_BYTES);
}
