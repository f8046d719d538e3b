/** Bits on their way out, lowest bit of each byte first (RFC 1951, 3.1.1). */
import { DEFLATE_OUTPUT } from "./buffers";

export class Out {
  static next: usize = DEFLATE_OUTPUT;
  static buffer: u64 = 0;
  /** 0 to 7 between calls. */
  static count: u32 = 0;
}

export function resetOut(): void {
  Out.next = DEFLATE_OUTPUT;
  Out.buffer = 0;
  Out.count = 0;
}

/** At most 32 bits. */
export function putBits(value: u32, bits: u32): void {
  const buffer = Out.buffer | ((<u64>value) << Out.count);
  const count = Out.count + bits;
  store<u64>(Out.next, buffer);
  Out.next += count >>> 3;
  Out.buffer = buffer >>> (count & 56);
  Out.count = count & 7;
}

/** Fills up the last byte with zeros. */
export function alignOut(): void {
  if (Out.count > 0) putBits(0, 8 - Out.count);
}

export function putBytes(p: usize, length: usize): void {
  memory.copy(Out.next, p, length);
  Out.next += length;
}
