/**
 * The tar functions' side of the core's memory: where bytes go in and where results are found, by index. The same map as
 * core-wasm/tar/fields.ts. Numbers there are exact integers, or NaN for what is not a number, or an infinity for what
 * is beyond 2^53 - 1.
 */
import type { Core } from "./core.ts";

/** f64 slots. */
export const numbers = {
  mode: 0,
  uid: 1,
  gid: 2,
  size: 3,
  mtime: 4,
  devMajor: 5,
  devMinor: 6,
  realSize: 7,
  pax: 8,
  carry: 9,
  table: 32,
} as const;

/** i32 slots. */
export const marks = {
  typeflag: 32,
  format: 33,
  nameLength: 34,
  linkLength: 35,
  prefixLength: 36,
  sparseCount: 37,
  sparseMore: 38,
  key: 39,
  keyLength: 40,
  value: 41,
  valueLength: 42,
  nanos: 43,
  digits: 44,
} as const;

const fieldsBytes = 4352;

export class TarFields {
  readonly core: Core;
  /** The most bytes that {@link place} takes. */
  readonly maxBytes: number;
  readonly #input: number;
  readonly #text: Buffer;
  readonly #numbers: Float64Array;
  readonly #marks: Int32Array;

  constructor(core: Core) {
    const { TAR_FIELDS, TAR_INPUT, TAR_INPUT_BYTES } = core.exports;
    const { buffer } = core.memory;
    const fields = TAR_FIELDS.value;
    this.core = core;
    this.maxBytes = TAR_INPUT_BYTES.value;
    this.#input = TAR_INPUT.value;
    this.#text = Buffer.from(buffer);
    this.#numbers = new Float64Array(buffer, fields, fieldsBytes / 8);
    this.#marks = new Int32Array(buffer, fields, fieldsBytes / 4);
  }

  /** The address of these bytes: their own if they lie in the core's memory, else that of a copy there. */
  place(bytes: Uint8Array, offset: number, length: number): number {
    if (offset + length > bytes.byteLength || length > this.maxBytes) {
      throw new RangeError(`cannot parse ${length} bytes of tar header at ${offset} of ${bytes.byteLength}`);
    }
    const { memory } = this.core;
    if (bytes.buffer === memory.buffer) return bytes.byteOffset + offset;
    memory.set(bytes.subarray(offset, offset + length), this.#input);
    return this.#input;
  }

  number(index: number): number {
    return this.#numbers[index] ?? NaN;
  }

  mark(index: number): number {
    return this.#marks[index] ?? 0;
  }

  latin1(address: number, length: number): string {
    return length === 0 ? "" : this.#text.toString("latin1", address, address + length);
  }

  /** A copy. */
  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.core.memory.subarray(address, address + length));
  }
}
