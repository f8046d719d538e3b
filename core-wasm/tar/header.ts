/**
 * One 512-byte header block into TAR_FIELDS: checksum, format and every field of the formats V7, ustar, GNU and star.
 * Reads [block, block + 512) and nothing else.
 */
import { octal, numeric } from "./numeric";
import { Field, Mark, setMark, setNumber } from "./fields";
import { sparsePairs } from "./sparse";

/** Statuses of tarHeader. */
const HEADER: i32 = 0;
const ZERO_BLOCK: i32 = 1;
const BAD_CHECKSUM: i32 = 2;

/** Values of Mark.format. */
const V7: i32 = 0;
const USTAR: i32 = 1;
const GNU: i32 = 2;
const STAR: i32 = 3;

/** Bytes of `field` before its first NUL. */
function textLength(field: usize, width: i32): i32 {
  let length = 0;
  while (length < width && load<u8>(field + length) != 0) length++;
  return length;
}

function formatOf(block: usize): i32 {
  // "ustar" and what follows it: NUL for ustar, two spaces and NUL for GNU. Loads are little-endian and in the block.
  if (load<u32>(block + 257) != 0x61747375 || load<u8>(block + 261) != 0x72) return V7;
  if (load<u8>(block + 262) == 0) return load<u32>(block + 508) == 0x00726174 ? STAR : USTAR;
  return load<u8>(block + 262) == 0x20 && load<u16>(block + 263) == 0x0020 ? GNU : V7;
}

/**
 * Go before 1.8 wrote a ustar prefix into GNU headers, over the times that live there, and images made with it are
 * still pulled: when a time is no number the area is a prefix.
 */
function misplacedPrefix(block: usize): bool {
  const accessed = load<u8>(block + 345) != 0 && isNaN(numeric(block + 345, 12));
  const changed = load<u8>(block + 357) != 0 && isNaN(numeric(block + 357, 12));
  return accessed || changed;
}

function prefixLength(block: usize, format: i32): i32 {
  if (format == USTAR) return textLength(block + 345, 155);
  if (format == STAR) return textLength(block + 345, 131);
  if (format != GNU || !misplacedPrefix(block)) return 0;
  const length = textLength(block + 345, 155);
  for (let i = 0; i < length; i++) if (load<u8>(block + 345 + i) > 127) return 0;
  return length;
}

/** 0: a header, its fields are in TAR_FIELDS. 1: nothing but zeros. 2: the checksum says it is no header. */
export function tarHeader(block: usize): i32 {
  const low: u64 = 0x00ff00ff00ff00ff;
  let sums: u64 = 0;
  let high: i32 = 0;
  let any: u64 = 0;
  for (let at = block; at < block + 512; at += 8) {
    const eight = load<u64>(at);
    any |= eight;
    sums += (eight & low) + ((eight >> 8) & low);
    high += <i32>popcnt(eight & 0x8080808080808080);
  }
  if (any == 0) return ZERO_BLOCK;
  // 128 bytes of at most 255 in each 16-bit lane do not overflow it.
  let sum: i32 = <i32>((sums & 0xffff) + ((sums >> 16) & 0xffff) + ((sums >> 32) & 0xffff) + (sums >> 48));
  for (let at = block + 148; at < block + 156; at++) {
    const byte = <i32>load<u8>(at);
    sum += 0x20 - byte;
    high -= byte >> 7;
  }
  const stored = octal(block + 148, 8);
  // Some old writers summed signed bytes: each byte over 127 then counts 256 less.
  if (stored != <f64>sum && stored != <f64>(sum - (high << 8))) return BAD_CHECKSUM;

  const format = formatOf(block);
  const typeflag = <i32>load<u8>(block + 156);
  setMark(Mark.format, format);
  setMark(Mark.typeflag, typeflag);
  setMark(Mark.nameLength, textLength(block, 100));
  setMark(Mark.linkLength, textLength(block + 157, 100));
  setMark(Mark.prefixLength, prefixLength(block, format));
  setNumber(Field.mode, numeric(block + 100, 8));
  setNumber(Field.uid, numeric(block + 108, 8));
  setNumber(Field.gid, numeric(block + 116, 8));
  setNumber(Field.size, numeric(block + 124, 12));
  setNumber(Field.mtime, numeric(block + 136, 12));
  setNumber(Field.devMajor, format == V7 ? 0 : numeric(block + 329, 8));
  setNumber(Field.devMinor, format == V7 ? 0 : numeric(block + 337, 8));
  if (typeflag == 0x53 /* S */) {
    sparsePairs(block + 386, 4);
    setMark(Mark.sparseMore, load<u8>(block + 482));
    setNumber(Field.realSize, numeric(block + 483, 12));
  }
  return HEADER;
}
