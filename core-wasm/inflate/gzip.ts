/**
 * The gzip envelope (RFC 1952): any number of members one after the other, each a header, a deflate stream and a trailer.
 * After the first member, whatever does not begin with the two magic bytes is trailing and is left alone.
 */
import { crcByte } from "../crc32/crc32";
import { buildTables } from "../crc32/tables";
import {
  BAD_HEADER_CRC,
  BAD_LENGTH,
  BAD_METHOD,
  GO_ON,
  MEMBER_END,
  NEED_INPUT,
  NOT_GZIP,
  RESERVED_FLAGS,
  STREAM_END,
  TRAILING,
} from "../shared/status";
import { haveBits, takeBits } from "./bits";
import { inflateRun, inflateStart, startStream } from "./inflate";
import { memberLength } from "./window";

const FIRST_MAGIC: u32 = 0x1f;
const SECOND_MAGIC: u32 = 0x8b;
const DEFLATED: u32 = 8;

const HEADER_CRC: u32 = 2;
const EXTRA: u32 = 4;
const NAME: u32 = 8;
const COMMENT: u32 = 16;
const RESERVED: u32 = 0xe0;

/** Phases of a member, in their order. Those up to IN_COMMENT take header bytes one by one. */
const AT_FIRST_MAGIC: i32 = 0;
const AT_SECOND_MAGIC: i32 = 1;
const AT_METHOD: i32 = 2;
const AT_FLAGS: i32 = 3;
const IN_TIME_AND_SYSTEM: i32 = 4;
const AT_EXTRA_LOW: i32 = 5;
const AT_EXTRA_HIGH: i32 = 6;
const IN_EXTRA: i32 = 7;
const IN_NAME: i32 = 8;
const IN_COMMENT: i32 = 9;
const AT_HEADER_CRC: i32 = 10;
const IN_BODY: i32 = 11;
const AT_CRC: i32 = 12;
const AT_LENGTH: i32 = 13;
const AFTER_LAST: i32 = 14;

class Member {
  static phase: i32 = AT_FIRST_MAGIC;
  static first: bool = true;
  static flags: u32 = 0;
  /** Bytes already taken of time and system, or still to come of the extra field. */
  static bytes: u32 = 0;
  /** Remainder over the header's bytes, complemented. */
  static headerCrc: u32 = 0;
  static crc: u32 = 0;
}

export function gunzipStart(): void {
  buildTables();
  inflateStart();
  startHeader();
  Member.first = true;
}

function startHeader(): void {
  Member.phase = AT_FIRST_MAGIC;
  Member.headerCrc = u32.MAX_VALUE;
}

/** The CRC-32 in the trailer of the member that ended last. */
export function memberCrc(): u32 {
  return Member.crc;
}

/** Decodes until MEMBER_END, TRAILING, NEED_INPUT, OUTPUT_FULL or an error. */
export function gunzipRun(): i32 {
  let status: i32 = GO_ON;
  while (status == GO_ON) status = step();
  return status;
}

function step(): i32 {
  if (Member.phase <= IN_COMMENT) {
    if (!haveBits(8)) return NEED_INPUT;
    return takeHeaderByte(takeBits(8));
  }
  switch (Member.phase) {
    case AT_HEADER_CRC:
      return checkHeaderCrc();
    case IN_BODY: {
      const status = inflateRun();
      if (status != STREAM_END) return status;
      Member.phase = AT_CRC;
      return GO_ON;
    }
    case AT_CRC:
      if (!haveBits(32)) return NEED_INPUT;
      Member.crc = takeBits(32);
      Member.phase = AT_LENGTH;
      return GO_ON;
    case AT_LENGTH:
      if (!haveBits(32)) return NEED_INPUT;
      if (takeBits(32) != memberLength()) return BAD_LENGTH;
      Member.first = false;
      startHeader();
      return MEMBER_END;
    default:
      return TRAILING;
  }
}

function takeHeaderByte(byte: u32): i32 {
  Member.headerCrc = crcByte(Member.headerCrc, byte);
  switch (Member.phase) {
    case AT_FIRST_MAGIC:
      if (byte != FIRST_MAGIC) return notAMember();
      Member.phase = AT_SECOND_MAGIC;
      break;
    case AT_SECOND_MAGIC:
      if (byte != SECOND_MAGIC) return notAMember();
      Member.phase = AT_METHOD;
      break;
    case AT_METHOD:
      if (byte != DEFLATED) return BAD_METHOD;
      Member.phase = AT_FLAGS;
      break;
    case AT_FLAGS:
      if (byte & RESERVED) return RESERVED_FLAGS;
      Member.flags = byte;
      Member.bytes = 0;
      Member.phase = IN_TIME_AND_SYSTEM;
      break;
    case IN_TIME_AND_SYSTEM:
      Member.bytes += 1;
      if (Member.bytes == 6) endField();
      break;
    case AT_EXTRA_LOW:
      Member.bytes = byte;
      Member.phase = AT_EXTRA_HIGH;
      break;
    case AT_EXTRA_HIGH:
      Member.bytes |= byte << 8;
      Member.phase = IN_EXTRA;
      if (Member.bytes == 0) endField();
      break;
    case IN_EXTRA:
      Member.bytes -= 1;
      if (Member.bytes == 0) endField();
      break;
    default:
      // IN_NAME and IN_COMMENT: text up to a zero byte.
      if (byte == 0) endField();
  }
  return GO_ON;
}

function notAMember(): i32 {
  if (Member.first) return NOT_GZIP;
  Member.phase = AFTER_LAST;
  return TRAILING;
}

/** Goes to the next field that this header has. */
function endField(): void {
  const ended = Member.phase;
  Member.bytes = 0;
  if (ended < AT_EXTRA_LOW && Member.flags & EXTRA) Member.phase = AT_EXTRA_LOW;
  else if (ended < IN_NAME && Member.flags & NAME) Member.phase = IN_NAME;
  else if (ended < IN_COMMENT && Member.flags & COMMENT) Member.phase = IN_COMMENT;
  else Member.phase = AT_HEADER_CRC;
}

function checkHeaderCrc(): i32 {
  if (Member.flags & HEADER_CRC) {
    if (!haveBits(16)) return NEED_INPUT;
    if (takeBits(16) != (~Member.headerCrc & 0xffff)) return BAD_HEADER_CRC;
  }
  startStream();
  Member.phase = IN_BODY;
  return GO_ON;
}
