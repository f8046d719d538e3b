/** A sparse file between its header and its data, while its map is being read: GNU's old form and PAX 0.0, 0.1, 1.0. */
import type { TarHeaderParser } from "../wasm/tar-header.ts";
import type { TarEntry } from "./entry.ts";
import type { EntryDraft } from "./entry-draft.ts";
import type { PaxSparse } from "./pax-records.ts";
import { SparseMap, SparseMapBlocks } from "./sparse-map.ts";
import { badEntry } from "./tar-errors.ts";

export class SparseEntry {
  readonly #header: TarHeaderParser;
  readonly #draft: EntryDraft;
  readonly #map: SparseMap;
  readonly #realSizeBytes: number;
  /** Present while a PAX 1.0 map, at the head of the data, is being read. */
  readonly #blocks: SparseMapBlocks | undefined;
  #storedBytes: number;
  #wantsBlock: boolean;

  /**
   * `header` has just read the entry's header block; `pax` are its GNU.sparse records, absent for typeflag "S".
   * @throws {StorageError} ERR_INVALID_ARGUMENT when the map contradicts itself; ERR_RESOURCE_EXHAUSTED over
   * `maxExtents`. So do the other methods.
   */
  constructor(
    header: TarHeaderParser,
    draft: EntryDraft,
    pax: PaxSparse | undefined,
    atByte: number,
    maxExtents: number,
  ) {
    this.#header = header;
    this.#draft = draft;
    this.#storedBytes = draft.storedBytes;
    this.#map = new SparseMap(draft.name, atByte, maxExtents);
    if (pax === undefined) {
      this.#realSizeBytes = header.realSize;
      this.#wantsBlock = header.sparseContinues;
      this.#map.addTable(header);
      return;
    }
    const { name, entry } = draft;
    if (header.typeflag === "S") throw badEntry(name, "it has two sparse maps");
    if (entry.type !== "file") throw badEntry(name, "it has a sparse map and is not a file");
    if (pax.realSizeBytes === undefined) throw badEntry(name, "it has a sparse map and no size");
    this.#realSizeBytes = pax.realSizeBytes;
    const version = `${pax.major ?? "0"}.${pax.minor ?? "0"}`;
    this.#wantsBlock = version === "1.0";
    if (this.#wantsBlock) this.#blocks = new SparseMapBlocks(this.#map, name);
    else if (version === "0.0" || version === "0.1") this.#addRecords(pax);
    else throw badEntry(name, `its sparse map has the unknown version ${version}`);
  }

  /** Whether a 512-byte block with more of the map follows. */
  get wantsBlock(): boolean {
    return this.#wantsBlock;
  }

  /** Bytes of data that follow, once no more of the map does. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  takeBlock(bytes: Uint8Array, offset: number): void {
    if (this.#blocks === undefined) {
      this.#header.readSparseBlock(bytes, offset);
      this.#map.addTable(this.#header);
      this.#wantsBlock = this.#header.sparseContinues;
      return;
    }
    this.#storedBytes -= 512;
    if (this.#storedBytes < 0) throw badEntry(this.#draft.name, "its sparse map is longer than its data");
    this.#wantsBlock = this.#blocks.read(this.#header, bytes.subarray(offset, offset + 512));
  }

  /** The entry, with its map whole. */
  finish(): TarEntry {
    const sizeBytes = this.#realSizeBytes;
    return { ...this.#draft.entry, sizeBytes, sparse: this.#map.finish(sizeBytes, this.#storedBytes) };
  }

  #addRecords({ map, pairs, count }: PaxSparse): void {
    const { name } = this.#draft;
    if (pairs.length % 2 !== 0) throw badEntry(name, "its sparse map is malformed");
    if (map !== undefined) this.#map.addList(this.#header, map);
    else for (let at = 0; at < pairs.length; at += 2) this.#map.add(pairs[at] ?? NaN, pairs[at + 1] ?? NaN);
    if (count !== undefined && count !== this.#map.count) {
      throw badEntry(name, `its sparse map has ${this.#map.count} extents and tells of ${count}`);
    }
  }
}

/** Whether these records tell of a map, perhaps an empty one. */
export function describesMap({ major, minor, map, pairs, count }: PaxSparse): boolean {
  return major !== undefined || minor !== undefined || map !== undefined || pairs.length > 0 || count !== undefined;
}
