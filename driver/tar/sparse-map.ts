/** The data extents of one sparse file, from whichever form its map has, checked as they come. */
import type { DecimalState, TarHeaderParser } from "../wasm/tar-header.ts";
import type { SparseExtent } from "./entry.ts";
import { badEntry, overLimit } from "./tar-errors.ts";

export class SparseMap {
  readonly #name: string;
  readonly #atByte: number;
  readonly #maxExtents: number;
  readonly #extents: SparseExtent[] = [];
  #seen = 0;
  #endBytes = 0;
  #dataBytes = 0;

  /** `name` and `atByte` are for messages. */
  constructor(name: string, atByte: number, maxExtents: number) {
    this.#name = name;
    this.#atByte = atByte;
    this.#maxExtents = maxExtents;
  }

  /** Extents of no length only mark the end of a file: they count against the limit and are dropped. */
  add(offsetBytes: number, sizeBytes: number): void {
    this.require(++this.#seen);
    const end = offsetBytes + sizeBytes;
    const proper = offsetBytes >= this.#endBytes && sizeBytes >= 0 && Number.isSafeInteger(end);
    if (!proper) throw badEntry(this.#name, "its sparse map is out of order or out of range");
    this.#endBytes = end;
    this.#dataBytes += sizeBytes;
    if (sizeBytes > 0) this.#extents.push({ offsetBytes, sizeBytes });
  }

  /** @throws {StorageError} ERR_RESOURCE_EXHAUSTED when `count` extents are too many. */
  require(count: number): void {
    if (count > this.#maxExtents) throw overLimit(this.#atByte, "maxSparseExtents", this.#maxExtents);
  }

  /** Adds the pairs that the header or extension block just read by `header` holds. */
  addTable(header: TarHeaderParser): void {
    // A block without pairs counts too, or a chain of them would have no end.
    if (header.tableCount === 0) this.require(++this.#seen);
    for (let at = 0; at < header.tableCount; at += 2) this.add(header.tableAt(at), header.tableAt(at + 1));
  }

  /** Adds "offset,length,offset,length" (PAX 0.1). */
  addList(header: TarHeaderParser, list: Uint8Array): void {
    const state: DecimalState = { carry: 0, digits: 0 };
    let offset: number | undefined;
    const take = (number: number): void => {
      if (offset === undefined) offset = number;
      else {
        this.add(offset, number);
        offset = undefined;
      }
    };
    for (let at = 0; at < list.byteLength;) {
      const read = header.readDecimals(list.subarray(at), ",", Infinity, state);
      if (read < 0) throw badEntry(this.#name, "its sparse map is malformed");
      for (let index = 0; index < header.tableCount; index++) take(header.tableAt(index));
      at += read;
    }
    if (state.digits > 0) take(state.carry);
    if (offset !== undefined) throw badEntry(this.#name, "its sparse map is malformed");
  }

  get count(): number {
    return this.#seen;
  }

  /** The extents of a file of `realSizeBytes` whose `storedBytes` of data follow. */
  finish(realSizeBytes: number, storedBytes: number): readonly SparseExtent[] {
    if (!Number.isSafeInteger(realSizeBytes) || this.#endBytes > realSizeBytes) {
      throw badEntry(this.#name, "its sparse map reaches beyond its size");
    }
    if (this.#dataBytes !== storedBytes) {
      throw badEntry(this.#name, `its sparse map tells of ${this.#dataBytes} bytes, ${storedBytes} are stored`);
    }
    return this.#extents;
  }
}

/** A PAX 1.0 map: blocks at the head of the file's data, one decimal a line: how many pairs, then the pairs. */
export class SparseMapBlocks {
  readonly #map: SparseMap;
  readonly #name: string;
  readonly #state: DecimalState = { carry: 0, digits: 0 };
  #numbersLeft: number | undefined;
  #offset: number | undefined;

  constructor(map: SparseMap, name: string) {
    this.#map = map;
    this.#name = name;
  }

  /** Reads the next block; true while more of the map follows in another. What follows the last number is padding. */
  read(header: TarHeaderParser, block: Uint8Array): boolean {
    for (let at = 0; at < block.byteLength && this.#numbersLeft !== 0;) {
      const most = this.#numbersLeft ?? 1;
      const read = header.readDecimals(block.subarray(at), "\n", most, this.#state);
      if (read < 0) throw badEntry(this.#name, "its sparse map is malformed");
      at += read;
      for (let index = 0; index < header.tableCount; index++) this.#take(header.tableAt(index));
    }
    return this.#numbersLeft !== 0;
  }

  #take(number: number): void {
    if (this.#numbersLeft === undefined) {
      this.#map.require(number);
      this.#numbersLeft = 2 * number;
      return;
    }
    this.#numbersLeft--;
    if (this.#offset === undefined) this.#offset = number;
    else {
      this.#map.add(this.#offset, number);
      this.#offset = undefined;
    }
  }
}
