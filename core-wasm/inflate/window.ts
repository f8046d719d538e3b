/**
 * The output: new bytes behind up to 32 KiB of history, in one static buffer. Output ends at a soft limit that one more
 * symbol may overrun into the slack, so no match is ever written by halves.
 */
import { HISTORY_BYTES, OUTPUT_BYTES, WINDOW } from "../shared/memory";

export const FIRST: usize = WINDOW + HISTORY_BYTES;
/** At or past this the output must be taken. */
export const LIMIT: usize = FIRST + OUTPUT_BYTES;

export class Output {
  /** Where the next byte goes. */
  static next: usize = FIRST;
  /** From here on the host has not taken the output yet. */
  static untaken: usize = FIRST;
  /** The oldest byte a match may copy: never before the start of the gzip member. */
  static oldest: usize = FIRST;
  /** Where the member would start had nothing ever moved; wraps, as its length in the trailer does (RFC 1952, ISIZE). */
  static origin: u32 = <u32>FIRST;
}

export function resetOutput(): void {
  Output.next = FIRST;
  Output.untaken = FIRST;
  startMember();
}

/** What comes next may not copy from what came before. */
export function startMember(): void {
  Output.oldest = Output.next;
  Output.origin = <u32>Output.next;
}

/** Bytes of the member so far, modulo 2^32. */
export function memberLength(): u32 {
  return <u32>Output.next - Output.origin;
}

export function outputStart(): usize {
  return Output.untaken;
}

export function outputEnd(): usize {
  return Output.next;
}

/** All output is taken; it stays as history. Moves that history to the front once the limit is reached. */
export function outputTake(): void {
  Output.untaken = Output.next;
  if (Output.next < LIMIT) return;
  const shift = Output.next - FIRST;
  memory.copy(WINDOW, Output.next - HISTORY_BYTES, HISTORY_BYTES);
  Output.next = FIRST;
  Output.untaken = FIRST;
  Output.origin -= <u32>shift;
  Output.oldest = Output.oldest > WINDOW + shift ? Output.oldest - shift : WINDOW;
}
