/**
 * Where the tar functions take bytes from and leave what they found. The host copies a block or a PAX body to TAR_INPUT,
 * or gives the address of bytes that lie in this memory already; either way nothing is kept from one call to the next,
 * but for a PAX scan, which runs from tarPaxStart to its end without another between.
 *
 * TAR_FIELDS holds f64 slots, then i32 slots, then a table of f64 numbers. Numbers are exact integers, or NaN for what
 * is not a number, or an infinity for what is beyond 2^53 - 1 either way. driver/wasm/tar-fields.ts has the same indexes.
 */

/** The longest PAX body that can be scanned. */
export const TAR_INPUT_BYTES: usize = 1024 * 1024;
export const TAR_INPUT: usize = memory.data(1048576, 64);

export const TAR_FIELDS: usize = memory.data(4352, 64);

/** f64 slots, by byte offset. */
export namespace Field {
  export const mode: usize = 0;
  export const uid: usize = 8;
  export const gid: usize = 16;
  export const size: usize = 24;
  export const mtime: usize = 32;
  export const devMajor: usize = 40;
  export const devMinor: usize = 48;
  export const realSize: usize = 56;
  /** Of a PAX record: the value as a number; of a time, its whole seconds, cut towards zero. */
  export const number: usize = 64;
  /** Of tarDecimals: the number the bytes ended in. */
  export const carry: usize = 72;
}

/** i32 slots, by byte offset. */
export namespace Mark {
  export const typeflag: usize = 128;
  export const format: usize = 132;
  export const nameLength: usize = 136;
  export const linkLength: usize = 140;
  export const prefixLength: usize = 144;
  /** Numbers in the table, and whether an extension block with more pairs follows. */
  export const sparseCount: usize = 148;
  export const sparseMore: usize = 152;
  /** Of a PAX record: where in memory the rest of its key and its value are. */
  export const key: usize = 156;
  export const keyLength: usize = 160;
  export const value: usize = 164;
  export const valueLength: usize = 168;
  /** Nanoseconds of a PAX time, with its sign. */
  export const nanos: usize = 172;
  /** Of tarDecimals: digits in the carry. */
  export const digits: usize = 176;
}

/** Numbers of sparse maps: 512 of them. */
export const TABLE: usize = 256;
export const TABLE_NUMBERS: i32 = 512;

export function setNumber(field: usize, value: f64): void {
  store<f64>(TAR_FIELDS + field, value);
}

export function setMark(mark: usize, value: i32): void {
  store<i32>(TAR_FIELDS + mark, value);
}

export function setTable(index: i32, value: f64): void {
  store<f64>(TAR_FIELDS + TABLE + ((<usize>index) << 3), value);
}
