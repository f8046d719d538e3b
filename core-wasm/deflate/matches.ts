/**
 * Finding what has been there before: greedily, the longer match of the two newest places with the same hash. Content
 * without matches is looked at more and more sparsely until there is one again, and little of what a match covers is
 * remembered: measured, a fiftieth more bytes for a quarter less time.
 */
import { distanceSymbol, MOST_LENGTH } from "./alphabets";
import { BLOCK_SEQUENCES, BUCKETS, BUCKETS_LOG, DICTIONARY_BYTES, SEQUENCES } from "./buffers";
import { countLiterals, DISTANCE_COUNTS, increment, MATCH_COUNTS } from "./counts";

/** What is looked at to find a match, from its first byte on: all of it must be content. */
const NEEDED_BYTES: usize = 8;
/** A newer match of so many bytes is good enough. */
const GOOD_LENGTH: u32 = 12;
const SKIP_LOG: u32 = 5;

/** By five bytes: matches of four are seldom shorter than their literals, and take as long as any other. */
function bucketOf(bytes: u64): usize {
  return BUCKETS + ((<usize>(((bytes << 24) * 0x9e3779b185ebca87) >>> (64 - BUCKETS_LOG))) << 3);
}

function remember(p: usize): void {
  const bucket = bucketOf(load<u64>(p));
  store<u64>(bucket, (load<u64>(bucket) << 32) | (<u64>p));
}

/** Makes [p, end), in front of content that ends at `contentEnd`, a place for matches. */
export function rememberAll(p: usize, end: usize, contentEnd: usize): void {
  for (end = min(end, contentEnd - NEEDED_BYTES); p < end; p++) remember(p);
}

function matchLength(p: usize, from: usize, most: u32): u32 {
  let length: u32 = 4;
  while (length < most) {
    const difference = load<u64>(p + length) ^ load<u64>(from + length);
    if (difference != 0) {
      length += <u32>(ctz(difference) >>> 3);
      break;
    }
    length += 8;
  }
  return length < most ? length : most;
}

/** How the last block found ended: bytes up to here, of which the last ones are literals, and matches. */
export class Found {
  static end: usize = 0;
  static sequences: u32 = 0;
}

/** Finds the matches of a block that begins at `p`: up to `soft`, or the end of a match, at most `end`. */
export function findMatches(p: usize, soft: usize, end: usize): void {
  let sequence = SEQUENCES;
  const fullAt = SEQUENCES + ((<usize>BLOCK_SEQUENCES) << 3);
  const last = min(soft, end - NEEDED_BYTES);
  let literals = p;
  let misses: u32 = 1 << SKIP_LOG;
  while (p < last && sequence < fullAt) {
    const bytes = load<u64>(p);
    const word = <u32>bytes;
    const bucket = bucketOf(bytes);
    const places = load<u64>(bucket);
    store<u64>(bucket, (places << 32) | (<u64>p));
    const newer = <usize>(<u32>places);
    const older = <usize>(places >>> 32);
    const left = <u32>(end - p);
    const most = left < MOST_LENGTH ? left : MOST_LENGTH;
    let length: u32 = 0;
    let from = newer;
    if (p - newer <= DICTIONARY_BYTES && load<u32>(newer) == word) length = matchLength(p, newer, most);
    if (length < GOOD_LENGTH && p - older <= DICTIONARY_BYTES && load<u32>(older) == word) {
      const other = matchLength(p, older, most);
      if (other > length) {
        length = other;
        from = older;
      }
    }
    if (length == 0) {
      p += misses >>> SKIP_LOG;
      misses++;
      continue;
    }
    misses = 1 << SKIP_LOG;
    const distance = <u32>(p - from);
    countLiterals(literals, p);
    increment(MATCH_COUNTS + ((<usize>length) << 2));
    increment(DISTANCE_COUNTS + ((<usize>distanceSymbol(distance)) << 2));
    store<u64>(sequence, ((<u64>(p - literals)) << 32) | (<u64>(distance << 16)) | (<u64>length));
    sequence += 8;
    const after = p + length;
    if (after <= end - NEEDED_BYTES) {
      remember(p + 1);
      remember(after - 2);
      remember(after - 1);
    }
    p = after;
    literals = p;
  }
  if (sequence < fullAt && p < soft) p = soft;
  // Skipping may have gone further than the block.
  if (p > soft && literals < p) p = soft > literals ? soft : literals;
  countLiterals(literals, p);
  Found.end = p;
  Found.sequences = <u32>((sequence - SEQUENCES) >>> 3);
}
