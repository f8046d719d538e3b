/** The codes of a block: fixed (RFC 1951, 3.2.6), or read from the block's own header (3.2.7), which may be cut anywhere. */
import {
  BAD_CODE_LENGTH_CODE,
  BAD_DISTANCE_CODE,
  BAD_LITERAL_CODE,
  GO_ON,
  NEED_INPUT,
  NO_END_OF_BLOCK,
  REPEAT_TOO_LONG,
  REPEAT_WITHOUT_LENGTH,
  TOO_MANY_SYMBOLS,
} from "../shared/status";
import {
  DISTANCE_BITS,
  DISTANCE_ENTRIES,
  DISTANCE_TABLE,
  LENGTH_BITS,
  LENGTH_ENTRIES,
  LENGTH_SYMBOLS,
  LENGTH_TABLE,
  LITERAL_BITS,
  LITERAL_ENTRIES,
  LITERAL_TABLE,
} from "./alphabets";
import { Bits, dropBits, fillBits, haveBits, peekBits, takeBits } from "./bits";
import { codeBits, valueOf } from "./entry";
import { COMPLETE, INVALID, buildTable } from "./huffman";

/** Code lengths as they are read: literals, then distances. */
const LENGTHS: usize = memory.data(288 + 32, 16);
/** In which order the lengths of the code-length code come. */
const ORDER: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

class Header {
  static literals: u32 = 0;
  static distances: u32 = 0;
  static lengthCodes: u32 = 0;
  /** Lengths read so far, of the kind being read. */
  static done: u32 = 0;
}

/** Whether the tables are those of the fixed codes, so that many small fixed blocks need them built but once. */
let fixed: bool = false;

export function useFixedCodes(): void {
  if (fixed) return;
  fixed = true;
  memory.fill(LENGTHS, 8, 144);
  memory.fill(LENGTHS + 144, 9, 112);
  memory.fill(LENGTHS + 256, 7, 24);
  memory.fill(LENGTHS + 280, 8, 8);
  memory.fill(LENGTHS + 288, 5, 32);
  buildTable(LITERAL_TABLE, LITERAL_BITS, LENGTHS, 288, LITERAL_ENTRIES);
  buildTable(DISTANCE_TABLE, DISTANCE_BITS, LENGTHS + 288, 32, DISTANCE_ENTRIES);
}

export function readCodeCounts(): i32 {
  if (!haveBits(14)) return NEED_INPUT;
  Header.literals = takeBits(5) + 257;
  Header.distances = takeBits(5) + 1;
  Header.lengthCodes = takeBits(4) + 4;
  Header.done = 0;
  if (Header.literals > 286 || Header.distances > 30) return TOO_MANY_SYMBOLS;
  memory.fill(LENGTHS, 0, LENGTH_SYMBOLS);
  return GO_ON;
}

/** Reads the lengths of the code in which the other lengths are written. */
export function readLengthCode(): i32 {
  for (; Header.done < Header.lengthCodes; Header.done++) {
    if (!haveBits(3)) return NEED_INPUT;
    store<u8>(LENGTHS + load<u8>(ORDER + Header.done), <u8>takeBits(3));
  }
  Header.done = 0;
  const built = buildTable(LENGTH_TABLE, LENGTH_BITS, LENGTHS, LENGTH_SYMBOLS, LENGTH_ENTRIES);
  return built == COMPLETE ? GO_ON : BAD_CODE_LENGTH_CODE;
}

/** Reads the lengths of the literal and the distance code and builds both tables. */
export function readCodes(): i32 {
  const total = Header.literals + Header.distances;
  while (Header.done < total) {
    fillBits();
    const entry = load<u32>(LENGTH_TABLE + (peekBits(LENGTH_BITS) << 2));
    const bits = codeBits(entry);
    const symbol = valueOf(entry);
    if (symbol < 16) {
      if (Bits.count < bits) return NEED_INPUT;
      dropBits(bits);
      store<u8>(LENGTHS + Header.done, <u8>symbol);
      Header.done += 1;
      continue;
    }
    const extra: u32 = symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
    if (Bits.count < bits + extra) return NEED_INPUT;
    dropBits(bits);
    const repeat = takeBits(extra) + (symbol == 18 ? 11 : 3);
    if (symbol == 16 && Header.done == 0) return REPEAT_WITHOUT_LENGTH;
    if (Header.done + repeat > total) return REPEAT_TOO_LONG;
    const repeated: u8 = symbol == 16 ? load<u8>(LENGTHS + Header.done - 1) : 0;
    memory.fill(LENGTHS + Header.done, repeated, repeat);
    Header.done += repeat;
  }
  return buildTables();
}

function buildTables(): i32 {
  if (load<u8>(LENGTHS + 256) == 0) return NO_END_OF_BLOCK;
  fixed = false;
  if (buildTable(LITERAL_TABLE, LITERAL_BITS, LENGTHS, Header.literals, LITERAL_ENTRIES) == INVALID) {
    return BAD_LITERAL_CODE;
  }
  const distances = LENGTHS + Header.literals;
  if (buildTable(DISTANCE_TABLE, DISTANCE_BITS, distances, Header.distances, DISTANCE_ENTRIES) == INVALID) {
    return BAD_DISTANCE_CODE;
  }
  return GO_ON;
}
