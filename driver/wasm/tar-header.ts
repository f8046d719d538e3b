/**
 * Tar header blocks and sparse maps through the core. Stateless from call to call, but for what the last one left to be
 * read: any number of readers may share a core. Bytes that lie in the core's own memory are parsed in place; others are
 * copied in. Numbers are exact integers, or NaN for what is not a number, or an infinity for what is beyond 2^53 - 1.
 */
import type { Core } from "./core.ts";
import { TarFields, marks, numbers } from "./tar-fields.ts";

export type TarFormat = "v7" | "ustar" | "gnu" | "star";

const formats = ["v7", "ustar", "gnu", "star"] as const;

export type BlockKind = "header" | "zeros" | "bad-checksum";

/** The most decimals read by one call, and the most bytes. */
const tableNumbers = 512;
const decimalBytes = 512;

/** A number that chunk borders cut: {@link TarHeaderParser.readDecimals} goes on with it. */
export interface DecimalState {
  carry: number;
  /** 1 when a number has begun. */
  digits: number;
}

/** Reads one block at a time; the properties tell of the last one read. */
export class TarHeaderParser {
  readonly #fields: TarFields;
  #block = 0;

  constructor(core: Core) {
    this.#fields = new TarFields(core);
  }

  /** Parses the 512 bytes at `offset`. Names are read from there when asked for: the bytes must still be there then. */
  readBlock(bytes: Uint8Array, offset: number): BlockKind {
    this.#block = this.#fields.place(bytes, offset, 512);
    const status = this.#fields.core.exports.tarHeader(this.#block);
    return status === 0 ? "header" : status === 1 ? "zeros" : "bad-checksum";
  }

  /** One latin1 character; "\0" in old archives. */
  get typeflag(): string {
    return String.fromCharCode(this.#fields.mark(marks.typeflag));
  }

  get format(): TarFormat {
    return formats[this.#fields.mark(marks.format)] ?? "v7";
  }

  /** The name with its ustar prefix, as latin1. */
  get name(): string {
    const name = this.#fields.latin1(this.#block, this.#fields.mark(marks.nameLength));
    const prefixLength = this.#fields.mark(marks.prefixLength);
    return prefixLength === 0 ? name : `${this.#fields.latin1(this.#block + 345, prefixLength)}/${name}`;
  }

  get linkName(): string {
    return this.#fields.latin1(this.#block + 157, this.#fields.mark(marks.linkLength));
  }

  get mode(): number {
    return this.#fields.number(numbers.mode);
  }

  get uid(): number {
    return this.#fields.number(numbers.uid);
  }

  get gid(): number {
    return this.#fields.number(numbers.gid);
  }

  get size(): number {
    return this.#fields.number(numbers.size);
  }

  /** Whole seconds. */
  get mtime(): number {
    return this.#fields.number(numbers.mtime);
  }

  get devMajor(): number {
    return this.#fields.number(numbers.devMajor);
  }

  get devMinor(): number {
    return this.#fields.number(numbers.devMinor);
  }

  /** Of a header with typeflag "S": the size with holes. */
  get realSize(): number {
    return this.#fields.number(numbers.realSize);
  }

  /** Parses an extension block of an old GNU sparse header. */
  readSparseBlock(bytes: Uint8Array, offset: number): void {
    this.#fields.core.exports.tarSparseBlock(this.#fields.place(bytes, offset, 512));
  }

  /** Whether an extension block follows the header with typeflag "S", or the extension block, just read. */
  get sparseContinues(): boolean {
    return this.#fields.mark(marks.sparseMore) !== 0;
  }

  /** Entries of {@link tableAt}: two a pair after a sparse header or block, one a number after readDecimals. */
  get tableCount(): number {
    return this.#fields.mark(marks.sparseCount);
  }

  /** From a sparse header or block: offset and length in turn; from readDecimals: the numbers. */
  tableAt(index: number): number {
    return this.#fields.number(numbers.table + index);
  }

  /**
   * Reads decimals that each end in `separator`, at most `most`, going on with the number in `state`. Returns the bytes
   * read, perhaps not all, or -1 at anything else than digits and separators.
   */
  readDecimals(bytes: Uint8Array, separator: string, most: number, state: DecimalState): number {
    const length = Math.min(bytes.byteLength, decimalBytes);
    const count = Math.min(most, tableNumbers);
    const address = this.#fields.place(bytes, 0, length);
    const { carry, digits } = state;
    const args = [address, length, separator.charCodeAt(0), count, carry, digits] as const;
    const read = this.#fields.core.exports.tarDecimals(...args);
    state.carry = this.#fields.number(numbers.carry);
    state.digits = this.#fields.mark(marks.digits);
    return read;
  }
}
