/**
 * The compressed input as bits, lowest bit of each byte first (RFC 1951, 3.1.1). Bytes move into a 64-bit buffer; what
 * is in the buffer outlives the input it came from, so input may be cut anywhere. Bits above `count` are zero.
 *
 * All readers here stop at the end of the input. The fast loop keeps its own copy of these four in locals.
 */
export class Bits {
  static next: usize = 0;
  static end: usize = 0;
  static buffer: u64 = 0;
  /** 0 to 63. */
  static count: u32 = 0;
}

export function setInput(p: usize, length: u32): void {
  Bits.next = p;
  Bits.end = p + length;
}

export function inputLeft(): u32 {
  return <u32>(Bits.end - Bits.next);
}

/** Whole bytes that were read but are still in the buffer. */
export function inputHeld(): u32 {
  return Bits.count >>> 3;
}

export function clearBits(): void {
  Bits.buffer = 0;
  Bits.count = 0;
}

/** Moves bytes into the buffer until it is full (more than 55 bits) or the input is empty. */
export function fillBits(): void {
  while (Bits.count < 56 && Bits.next < Bits.end) {
    Bits.buffer |= (<u64>load<u8>(Bits.next)) << Bits.count;
    Bits.next += 1;
    Bits.count += 8;
  }
}

/** Whether `n` bits (at most 56) are in the buffer, after filling it if need be. */
export function haveBits(n: u32): bool {
  if (Bits.count < n) fillBits();
  return Bits.count >= n;
}

/** The next `n` bits, 0 to 32, which must be in the buffer. */
export function peekBits(n: u32): u32 {
  return <u32>(Bits.buffer & (((<u64>1) << n) - 1));
}

export function dropBits(n: u32): void {
  Bits.buffer >>= n;
  Bits.count -= n;
}

export function takeBits(n: u32): u32 {
  const value = peekBits(n);
  dropBits(n);
  return value;
}

export function dropToByte(): void {
  dropBits(Bits.count & 7);
}
