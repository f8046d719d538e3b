/**
 * Deflating one piece of a stream: complete blocks that end on a byte, so that pieces made side by side can be put one
 * after the other. The same bytes always become the same bytes: nothing is left from one call for the next.
 */
import { prepareLengthCodes } from "./alphabets";
import { alignOut, Out, putBits, resetOut } from "./bit-writer";
import { prepareFixedLengths, putBlock, putStored } from "./block";
import { BLOCK_BYTES, clearBuckets, DEFLATE_CONTENT, DEFLATE_OUTPUT } from "./buffers";
import { clearCounts } from "./counts";
import { findMatches, Found, rememberAll } from "./matches";

let ready: bool = false;

/**
 * Deflates `length` bytes at DEFLATE_CONTENT, with the `dictionary` bytes in front of them as what came before, to
 * DEFLATE_OUTPUT; returns how many bytes it made. `isLast` ends the stream.
 */
export function deflate(dictionary: u32, length: u32, isLast: bool): u32 {
  if (!ready) {
    ready = true;
    prepareLengthCodes();
    prepareFixedLengths();
  }
  resetOut();
  clearBuckets();
  const end = DEFLATE_CONTENT + length;
  rememberAll(DEFLATE_CONTENT - dictionary, DEFLATE_CONTENT, end);
  for (let p = DEFLATE_CONTENT; p < end; p = Found.end) {
    clearCounts();
    findMatches(p, min(p + BLOCK_BYTES, end), end);
    putBlock(p, isLast && Found.end == end);
  }
  if (!isLast) {
    putStored(end, 0, false);
  } else if (length == 0) {
    // A block of the fixed codes with nothing but its end.
    putBits(3, 10);
    alignOut();
  } else {
    alignOut();
  }
  return <u32>(Out.next - DEFLATE_OUTPUT);
}
