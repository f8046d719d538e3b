/**
 * The records of a PAX extended header, found by their declared byte lengths (POSIX pax, Extended Header): a value may
 * hold newlines, NULs and "=". Only the records that say something about a file are handed out.
 */
import { decimal, fraction } from "./numeric";
import { Field, Mark, setMark, setNumber } from "./fields";

/** Results of tarPaxNext; driver/wasm/tar-pax.ts has the same numbers. */
const END: i32 = 0;
const PATH: i32 = 1;
const LINKPATH: i32 = 2;
const SIZE: i32 = 3;
const UID: i32 = 4;
const GID: i32 = 5;
const MTIME: i32 = 6;
const XATTR: i32 = 7;
const ENCODED_XATTR: i32 = 8;
const SPARSE_MAJOR: i32 = 9;
const SPARSE_MINOR: i32 = 10;
const SPARSE_NAME: i32 = 11;
const SPARSE_REALSIZE: i32 = 12;
const SPARSE_SIZE: i32 = 13;
const SPARSE_COUNT: i32 = 14;
const SPARSE_MAP: i32 = 15;
const SPARSE_OFFSET: i32 = 16;
const SPARSE_NUMBYTES: i32 = 17;
const OWNER_NAME: i32 = 18;
const OTHER: i32 = 19;
const MALFORMED: i32 = -1;
const NUL_IN_VALUE: i32 = -2;

/** Longer than any body, and ten times it does not wrap. */
const LENGTH_MOST: usize = 0x0fffffff;

let next: usize = 0;
let end: usize = 0;

/** Whether [at, at + length) starts with `text` (ASCII). */
function startsWith(at: usize, length: usize, text: string): bool {
  if (length < <usize>text.length) return false;
  for (let i: usize = 0; i < <usize>text.length; i++) {
    if (load<u8>(at + i) != load<u16>(changetype<usize>(text) + (i << 1))) return false;
  }
  return true;
}

function equals(at: usize, length: usize, text: string): bool {
  return length == <usize>text.length && startsWith(at, length, text);
}

function indexOf(at: usize, length: usize, byte: u32): usize {
  let i: usize = 0;
  while (i < length && load<u8>(at + i) != byte) i++;
  return i;
}

function sparseKind(key: usize, length: usize): i32 {
  if (equals(key, length, "major")) return SPARSE_MAJOR;
  if (equals(key, length, "minor")) return SPARSE_MINOR;
  if (equals(key, length, "name")) return SPARSE_NAME;
  if (equals(key, length, "realsize")) return SPARSE_REALSIZE;
  if (equals(key, length, "size")) return SPARSE_SIZE;
  if (equals(key, length, "numblocks")) return SPARSE_COUNT;
  if (equals(key, length, "map")) return SPARSE_MAP;
  if (equals(key, length, "offset")) return SPARSE_OFFSET;
  if (equals(key, length, "numbytes")) return SPARSE_NUMBYTES;
  return OTHER;
}

function kindOf(key: usize, length: usize): i32 {
  switch (<u32>load<u8>(key)) {
    case 0x70 /* p */:
      return equals(key, length, "path") ? PATH : OTHER;
    case 0x6c /* l */:
      return equals(key, length, "linkpath") ? LINKPATH : OTHER;
    case 0x73 /* s */:
      return equals(key, length, "size") ? SIZE : OTHER;
    case 0x75 /* u */:
      if (equals(key, length, "uid")) return UID;
      return equals(key, length, "uname") ? OWNER_NAME : OTHER;
    case 0x67 /* g */:
      if (equals(key, length, "gid")) return GID;
      return equals(key, length, "gname") ? OWNER_NAME : OTHER;
    case 0x6d /* m */:
      return equals(key, length, "mtime") ? MTIME : OTHER;
    case 0x53 /* S */:
      return startsWith(key, length, "SCHILY.xattr.") ? XATTR : OTHER;
    case 0x4c /* L */:
      return startsWith(key, length, "LIBARCHIVE.xattr.") ? ENCODED_XATTR : OTHER;
    case 0x47 /* G */:
      return startsWith(key, length, "GNU.sparse.") ? sparseKind(key + 11, length - 11) : OTHER;
    default:
      return OTHER;
  }
}

/** Seconds and nanoseconds of "[-]digits[.digits]"; NaN for anything else. */
function time(value: usize, length: usize): void {
  const whole = indexOf(value, length, 0x2e);
  let seconds = decimal(value, whole);
  let nanos = whole < length ? fraction(value + whole + 1, length - whole - 1) : 0;
  if (nanos < 0) seconds = NaN;
  if (length > 0 && load<u8>(value) == 0x2d) nanos = -nanos;
  setNumber(Field.number, seconds);
  setMark(Mark.nanos, nanos);
}

/** Begins a scan of [body, body + length), which must stay as it is until the scan ends. */
export function tarPaxStart(body: usize, length: usize): void {
  next = body;
  end = body + length;
}

/** The next record that matters, with its fields in TAR_FIELDS; 0 after the last; negative if the body is malformed. */
export function tarPaxNext(): i32 {
  while (next < end) {
    const start = next;
    let at = start;
    let length: usize = 0;
    while (at < end) {
      const digit = <u32>load<u8>(at) - 0x30;
      if (digit > 9) break;
      length = length * 10 + digit;
      if (length > LENGTH_MOST) return MALFORMED;
      at++;
    }
    if (at == start || at == end || load<u8>(at) != 0x20) return MALFORMED;
    at++;
    // What is left for key, "=" and value, once the newline is set aside.
    const header = at - start;
    if (length <= header || length > end - start || load<u8>(start + length - 1) != 0x0a) return MALFORMED;
    const rest = length - header - 1;
    const keyLength = indexOf(at, rest, 0x3d);
    if (keyLength == 0 || keyLength == rest) return MALFORMED;
    next = start + length;
    if (indexOf(at, keyLength, 0) < keyLength) return NUL_IN_VALUE;
    const kind = kindOf(at, keyLength);
    if (kind == OTHER) continue;
    const value = at + keyLength + 1;
    const valueLength = rest - keyLength - 1;
    const text = kind == PATH || kind == LINKPATH || kind == OWNER_NAME || kind == SPARSE_NAME;
    if (text && indexOf(value, valueLength, 0) < valueLength) return NUL_IN_VALUE;
    if (kind == OWNER_NAME) continue;
    const skipped: usize = kind == XATTR ? 13 : kind == ENCODED_XATTR ? 17 : 0;
    setMark(Mark.key, <i32>(at + skipped));
    setMark(Mark.keyLength, <i32>(keyLength - skipped));
    setMark(Mark.value, <i32>value);
    setMark(Mark.valueLength, <i32>valueLength);
    if (kind == MTIME) time(value, valueLength);
    else setNumber(Field.number, decimal(value, valueLength));
    return kind;
  }
  return END;
}
