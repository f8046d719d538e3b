/**
 * Deflate (RFC 1951) as a machine that stops wherever input ends or output is full and goes on from there. It accepts
 * exactly the streams that zlib accepts.
 */
import { BAD_BLOCK_TYPE, BAD_STORED_LENGTH, GO_ON, NEED_INPUT, OUTPUT_FULL, STREAM_END } from "../shared/status";
import { prepareAlphabets } from "./alphabets";
import { Bits, clearBits, dropBits, dropToByte, haveBits, takeBits } from "./bits";
import { readCodeCounts, readCodes, readLengthCode, useFixedCodes } from "./codes";
import { prepareCopies } from "./copy";
import { runFast } from "./fast-loop";
import { BLOCK_END, decodeSymbol } from "./symbol";
import { LIMIT, Output, resetOutput, startMember } from "./window";

const BLOCK_HEADER: i32 = 0;
const STORED_LENGTH: i32 = 1;
const STORED_BYTES: i32 = 2;
const CODE_COUNTS: i32 = 3;
const LENGTH_CODE: i32 = 4;
const CODES: i32 = 5;
const SYMBOLS: i32 = 6;

class Block {
  static phase: i32 = BLOCK_HEADER;
  static last: bool = false;
  /** Bytes of a stored block still to copy. */
  static stored: u32 = 0;
}

/** Forgets everything: the next input begins a raw deflate stream. */
export function inflateStart(): void {
  prepareAlphabets();
  prepareCopies();
  clearBits();
  resetOutput();
  startStream();
}

/** Another deflate stream follows in the same input and output; bits not used yet stay. */
export function startStream(): void {
  startMember();
  Block.phase = BLOCK_HEADER;
  Block.last = false;
}

/** Decodes until STREAM_END, NEED_INPUT, OUTPUT_FULL or an error. */
export function inflateRun(): i32 {
  let status: i32 = GO_ON;
  while (status == GO_ON) status = step();
  return status;
}

function step(): i32 {
  switch (Block.phase) {
    case BLOCK_HEADER:
      return readBlockHeader();
    case STORED_LENGTH:
      return readStoredLength();
    case STORED_BYTES:
      return copyStored();
    case CODE_COUNTS:
      return thenPhase(readCodeCounts(), LENGTH_CODE);
    case LENGTH_CODE:
      return thenPhase(readLengthCode(), CODES);
    case CODES:
      return thenPhase(readCodes(), SYMBOLS);
    default:
      return decodeSymbols();
  }
}

function thenPhase(status: i32, phase: i32): i32 {
  if (status == GO_ON) Block.phase = phase;
  return status;
}

function readBlockHeader(): i32 {
  if (Block.last) {
    dropToByte();
    return STREAM_END;
  }
  if (!haveBits(3)) return NEED_INPUT;
  Block.last = takeBits(1) != 0;
  const type = takeBits(2);
  if (type == 0) {
    dropToByte();
    Block.phase = STORED_LENGTH;
  } else if (type == 1) {
    useFixedCodes();
    Block.phase = SYMBOLS;
  } else if (type == 2) {
    Block.phase = CODE_COUNTS;
  } else {
    return BAD_BLOCK_TYPE;
  }
  return GO_ON;
}

function readStoredLength(): i32 {
  if (!haveBits(32)) return NEED_INPUT;
  const length = takeBits(16);
  const complement = takeBits(16);
  if ((length ^ 0xffff) != complement) return BAD_STORED_LENGTH;
  Block.stored = length;
  Block.phase = STORED_BYTES;
  return GO_ON;
}

function copyStored(): i32 {
  while (Block.stored > 0) {
    if (Output.next >= LIMIT) return OUTPUT_FULL;
    if (Bits.count > 0) {
      store<u8>(Output.next, takeBits(8));
      Output.next += 1;
      Block.stored -= 1;
      continue;
    }
    const room = min<usize>(Bits.end - Bits.next, LIMIT - Output.next);
    if (room == 0) return NEED_INPUT;
    const length = min<u32>(Block.stored, <u32>room);
    memory.copy(Output.next, Bits.next, length);
    Bits.next += length;
    Output.next += length;
    Block.stored -= length;
  }
  Block.phase = BLOCK_HEADER;
  return GO_ON;
}

function decodeSymbols(): i32 {
  let status = runFast();
  while (status == GO_ON) {
    if (Output.next >= LIMIT) return OUTPUT_FULL;
    status = decodeSymbol();
  }
  if (status != BLOCK_END) return status;
  Block.phase = BLOCK_HEADER;
  return GO_ON;
}
