/** The front of a block with codes of its own: their lengths, themselves in a code (RFC 1951, 3.2.7). */
import { DISTANCE_SYMBOLS, LENGTH_ORDER, LENGTH_SYMBOLS, LITERAL_SYMBOLS } from "./alphabets";
import { putBits } from "./bit-writer";
import { codeLengths } from "./code-lengths";
import { assignCodes } from "./codes";

/** The lengths as symbols: symbol (8 bits), what follows it (8 bits). */
const SYMBOLS: usize = memory.data(320 * 2, 16);
const COUNTS: usize = memory.data(20 * 4, 16);
const LENGTHS: usize = memory.data(20, 16);
const CODES: usize = memory.data(20 * 4, 16);
/** The lengths of both alphabets, one after the other. */
const BOTH: usize = memory.data(320, 16);

const LONGEST: u32 = 7;

class Header {
  static symbols: u32 = 0;
  static literals: u32 = 0;
  static distances: u32 = 0;
  static lengths: u32 = 0;
}

/** Makes ready the header for these code lengths, and returns how many bits it takes. */
export function prepareHeader(literalLengths: usize, distanceLengths: usize): u32 {
  Header.literals = lastUsed(literalLengths, LITERAL_SYMBOLS, 257);
  Header.distances = lastUsed(distanceLengths, DISTANCE_SYMBOLS, 1);
  memory.copy(BOTH, literalLengths, Header.literals);
  memory.copy(BOTH + Header.literals, distanceLengths, Header.distances);
  memory.fill(COUNTS, 0, LENGTH_SYMBOLS * 4);
  runs(Header.literals + Header.distances);
  codeLengths(COUNTS, LENGTH_SYMBOLS, LONGEST, LENGTHS);
  assignCodes(LENGTHS, LENGTH_SYMBOLS, CODES);
  let said = LENGTH_SYMBOLS;
  while (said > 4 && load<u8>(LENGTHS + <usize>load<u8>(LENGTH_ORDER + said - 1)) == 0) said--;
  Header.lengths = said;
  let bits: u32 = 14 + 3 * said;
  for (let symbol: u32 = 0; symbol < LENGTH_SYMBOLS; symbol++) {
    const each = <u32>load<u8>(LENGTHS + symbol) + extraBits(symbol);
    bits += load<u32>(COUNTS + (symbol << 2)) * each;
  }
  return bits;
}

function lastUsed(lengths: usize, symbols: u32, least: u32): u32 {
  while (symbols > least && load<u8>(lengths + symbols - 1) == 0) symbols--;
  return symbols;
}

function extraBits(symbol: u32): u32 {
  return symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
}

function say(symbol: u32, extra: u32): void {
  store<u16>(SYMBOLS + (Header.symbols++ << 1), <u16>(symbol | (extra << 8)));
  const at = COUNTS + (symbol << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Runs of the same length are said once: 16 repeats the one before 3 to 6 times, 17 and 18 are 3 to 138 zeros. */
function runs(count: u32): void {
  Header.symbols = 0;
  let i: u32 = 0;
  while (i < count) {
    const length = <u32>load<u8>(BOTH + i);
    let run: u32 = 1;
    while (i + run < count && <u32>load<u8>(BOTH + i + run) == length) run++;
    i += run;
    if (length == 0) {
      for (; run >= 11; run -= min(run, 138)) say(18, min(run, 138) - 11);
      if (run >= 3) {
        say(17, run - 3);
        run = 0;
      }
    } else {
      say(length, 0);
      run--;
      for (; run >= 3; run -= min(run, 6)) say(16, min(run, 6) - 3);
    }
    for (; run > 0; run--) say(length, 0);
  }
}

/** Puts out what {@link prepareHeader} made ready. */
export function putHeader(): void {
  putBits((Header.literals - 257) | ((Header.distances - 1) << 5) | ((Header.lengths - 4) << 10), 14);
  for (let i: u32 = 0; i < Header.lengths; i++) putBits(load<u8>(LENGTHS + <usize>load<u8>(LENGTH_ORDER + i)), 3);
  for (let i: u32 = 0; i < Header.symbols; i++) {
    const symbol = <u32>load<u8>(SYMBOLS + (i << 1));
    const code = load<u32>(CODES + (symbol << 2));
    const bits = code >>> 24;
    const extra = <u32>load<u8>(SYMBOLS + (i << 1), 1);
    putBits((code & 0xffffff) | (extra << bits), bits + extraBits(symbol));
  }
}
