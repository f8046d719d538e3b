/**
 * The grammar of tar, without the moving of bytes: which block is what, what it says, and how many bytes follow. Both
 * readers, the stream's and the index's, feed it blocks and bodies in order and act on the step it returns.
 */
import { latin1Of } from "../base/path-bytes.ts";
import type { Core } from "../wasm/core.ts";
import { TarHeaderParser } from "../wasm/tar-header.ts";
import { PaxParser } from "../wasm/tar-pax.ts";
import type { TarEntry, TarLimits } from "./entry.ts";
import { draftEntry } from "./entry-draft.ts";
import { readPaxRecords } from "./pax-records.ts";
import type { PaxRecords } from "./pax-records.ts";
import { SparseEntry, describesMap } from "./sparse-entry.ts";
import { badEntry, badHeader, overLimit } from "./tar-errors.ts";

/**
 * What comes next: "zeros" and "garbage" tell of the block itself; "skip": a body nobody wants; "collect": a body to be
 * given to {@link HeaderResolver.collected} in one piece; "sparse-block": a 512-byte block to be given to
 * {@link HeaderResolver.sparseBlock}; "entry": {@link HeaderResolver.entry} is complete and its body follows.
 */
export type Step = "zeros" | "garbage" | "skip" | "collect" | "sparse-block" | "entry";

export class HeaderResolver {
  readonly #header: TarHeaderParser;
  readonly #paxParser: PaxParser;
  readonly #limits: TarLimits;
  /** Bodies of extended headers are kept in memory: this is the most, whatever the limits say. */
  readonly #maxHeaderBytes: number;
  #pax: PaxRecords | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;
  #collecting = "";
  #atByte = 0;
  #headerBytes = 0;
  #entries = 0;
  #totalBytes = 0;
  #sparse: SparseEntry | undefined;
  #entry: TarEntry | undefined;
  #bodyBytes = 0;
  #bodyIsDoubtful = false;

  constructor(core: Core, limits: TarLimits) {
    this.#header = new TarHeaderParser(core);
    this.#paxParser = new PaxParser(core);
    this.#limits = limits;
    this.#maxHeaderBytes = Math.min(limits.maxHeaderBytes, this.#paxParser.maxBytes);
  }

  /** Bytes that follow now, padding not counted, after "skip", "collect" and "entry". */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** After "entry": the body belongs to a type that has none by POSIX; give its first block to checkBody. */
  get bodyIsDoubtful(): boolean {
    return this.#bodyIsDoubtful;
  }

  /** After "entry", until the next block. */
  get entry(): TarEntry {
    if (this.#entry === undefined) throw new TypeError("no entry is complete");
    return this.#entry;
  }

  /** Whether extended headers wait for the entry they belong to. */
  get expectsEntry(): boolean {
    return this.#pax !== undefined || this.#longName !== undefined || this.#longLink !== undefined;
  }

  /** Takes the 512 bytes at `offset` of `bytes`, which are at `atByte` of the archive, where a header should be. */
  block(bytes: Uint8Array, offset: number, atByte: number): Step {
    const kind = this.#header.readBlock(bytes, offset);
    if (kind === "zeros") return "zeros";
    if (kind === "bad-checksum") return "garbage";
    this.#atByte = atByte;
    this.#entry = undefined;
    const flag = this.#header.typeflag;
    switch (flag) {
      case "x":
      case "X":
      case "L":
      case "K":
        this.#collecting = flag;
        this.#takeHeaderBody(true);
        return "collect";
      case "g":
        // Applied by some readers to what follows and by others not: here never. Between an extended header and its
        // entry, readers do not even agree whether the extended header survives.
        if (this.expectsEntry)
          throw badHeader(atByte, "a global header comes between an extended header and its entry");
        this.#takeHeaderBody(true);
        return "skip";
      case "V":
        this.#forgetExtensions();
        this.#takeHeaderBody(false);
        return "skip";
      default:
        return this.#startEntry();
    }
  }

  /** Takes the body of an extended header. */
  collected(body: Uint8Array): void {
    if (this.#collecting === "L") this.#longName = textOf(body);
    else if (this.#collecting === "K") this.#longLink = textOf(body);
    else this.#pax = readPaxRecords(this.#paxParser, body, this.#atByte, this.#limits.maxSparseExtents);
  }

  /** Takes a block of a sparse map: GNU's extension of the header, or the first part of the data in PAX 1.0. */
  sparseBlock(bytes: Uint8Array, offset: number): Step {
    if (this.#sparse === undefined) throw new TypeError("no sparse map is being read");
    this.#sparse.takeBlock(bytes, offset);
    return this.#continueSparse(this.#sparse);
  }

  /**
   * Takes the first block of a doubtful body. POSIX stores no data for links, directories, devices and FIFOs whatever
   * their size says; some writers did. Skipping it is safe unless it reads as a header: then readers disagree on whether
   * there is an entry in it, which is how entries are smuggled.
   */
  checkBody(bytes: Uint8Array, offset: number): void {
    const { type, path } = this.entry;
    if (this.#header.readBlock(bytes, offset) !== "header") return;
    throw badEntry(path, `it is a ${type} with data that reads as another entry`);
  }

  #startEntry(): Step {
    const { maxEntries } = this.#limits;
    if (++this.#entries > maxEntries) throw overLimit(this.#atByte, "maxEntries", maxEntries);
    const draft = draftEntry(this.#header, this.#extensions(), this.#limits);
    const { entry, name, storedBytes } = draft;
    const sparse = this.#pax?.sparse;
    const isOldSparse = this.#header.typeflag === "S";
    this.#bodyBytes = storedBytes;
    this.#bodyIsDoubtful = storedBytes > 0 && entry.type !== "file" && this.#header.typeflag !== "D";
    this.#forgetExtensions();
    this.#headerBytes = 0;
    if (isOldSparse || (sparse !== undefined && describesMap(sparse))) {
      this.#sparse = new SparseEntry(this.#header, draft, sparse, this.#atByte, this.#limits.maxSparseExtents);
      return this.#continueSparse(this.#sparse);
    }
    if (sparse?.name !== undefined) throw badEntry(name, "it has a sparse file's name and no sparse map");
    return this.#finish(entry);
  }

  #continueSparse(sparse: SparseEntry): Step {
    if (sparse.wantsBlock) return "sparse-block";
    this.#bodyBytes = sparse.storedBytes;
    this.#sparse = undefined;
    return this.#finish(sparse.finish());
  }

  #finish(entry: TarEntry): Step {
    this.#count(entry.type === "file" ? entry.sizeBytes : this.#bodyBytes);
    this.#entry = entry;
    return "entry";
  }

  /** The body of a header that is no entry. */
  #takeHeaderBody(isBounded: boolean): void {
    const size = this.#header.size;
    if (!Number.isSafeInteger(size) || size < 0) throw badHeader(this.#atByte, "its size is not a number in range");
    const { maxHeaderBytes } = this.#limits;
    if (isBounded && size > this.#maxHeaderBytes) throw overLimit(this.#atByte, "maxHeaderBytes", this.#maxHeaderBytes);
    // Headers without an entry: room for every kind at its longest, and no more.
    this.#headerBytes += 512 + (isBounded ? size : 0);
    if (this.#headerBytes > 4 * (maxHeaderBytes + 512)) throw overLimit(this.#atByte, "maxHeaderBytes", maxHeaderBytes);
    if (!isBounded) this.#count(size);
    this.#bodyBytes = size;
  }

  #count(bytes: number): void {
    this.#totalBytes += bytes;
    if (this.#totalBytes > this.#limits.maxBytes) throw overLimit(this.#atByte, "maxBytes", this.#limits.maxBytes);
  }

  #extensions(): { pax: PaxRecords | undefined; longName: string | undefined; longLink: string | undefined } {
    return { pax: this.#pax, longName: this.#longName, longLink: this.#longLink };
  }

  #forgetExtensions(): void {
    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
  }
}

/** A long name or link: the bytes before the first NUL; none is as if there were no such header. */
function textOf(body: Uint8Array): string | undefined {
  const nul = body.indexOf(0);
  const text = latin1Of(nul < 0 ? body : body.subarray(0, nul));
  return text === "" ? undefined : text;
}
