/**
 * Where zstd frames begin and end. node:zlib decodes one frame and drops what follows it in the same write, while layers
 * in the wild are many frames with skippable ones between (pzstd, zstd:chunked); so a stream is cut at its frames first.
 * Only sizes are read here: frame header, block headers, checksum (RFC 8878, 3.1.1).
 */
import { StorageError } from "../base/errors.ts";

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const reservedBlock = 3;
const rleBlock = 1;

/** What the next bytes are. "body" and "skip" pass any number of bytes, the others are read whole. */
type Part = "magic" | "skip-size" | "descriptor" | "header" | "block" | "body" | "skip";

export class ZstdFrames {
  readonly #what: string;
  #part: Part = "magic";
  #left = 4;
  #held: number[] = [];
  #isLastBlock = false;
  #hasChecksum = false;

  /** `what` names the stream in errors. */
  constructor(what: string) {
    this.#what = what;
  }

  /** True between frames: the stream may end here. */
  get isBetweenFrames(): boolean {
    return this.#part === "magic" && this.#held.length === 0;
  }

  /**
   * The parts of `chunk` that belong to frames with content, in order, none reaching beyond its frame's end. A magic
   * number that was cut by a chunk's border comes as a part of its own.
   * @throws {StorageError} ERR_DATA_LOSS for what is no frame.
   */
  *split(chunk: Uint8Array): Generator<Uint8Array> {
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#part === "body" || this.#part === "skip") {
        const take = Math.min(this.#left, chunk.length - at);
        at += take;
        this.#left -= take;
      } else {
        this.#held.push(Number(chunk[at]));
        at++;
        this.#left--;
      }
      // A part of no bytes, such as the content of an empty block, is over at once.
      while (this.#left === 0) {
        const before = this.#part;
        const held = Uint8Array.from(this.#held);
        this.#held = [];
        this.#next(before, held);
        if (before === "magic" && this.#part === "descriptor") {
          if (at < held.length) yield held;
          from = at < held.length ? at : at - held.length;
        }
        if (this.#part === "magic" && before !== "skip") yield chunk.subarray(from, at);
        if (this.#part === "magic") from = at;
      }
    }
    const isInFrame = this.#part !== "magic" && this.#part !== "skip-size" && this.#part !== "skip";
    if (isInFrame && from < at) yield chunk.subarray(from, at);
  }

  #next(part: Part, held: Uint8Array): void {
    switch (part) {
      case "magic": {
        const magic = numberFrom(held);
        if (magic === frameMagic) this.#expect("descriptor", 1);
        else if ((magic & ~0xf) >>> 0 === skippableMagic) this.#expect("skip-size", 4);
        else throw this.#broken("bytes that are no frame");
        return;
      }
      case "skip-size":
        this.#expect("skip", numberFrom(held));
        return;
      case "skip":
        this.#expect("magic", 4);
        return;
      case "descriptor": {
        const descriptor = numberFrom(held);
        const isSingleSegment = (descriptor & 0x20) !== 0;
        this.#hasChecksum = (descriptor & 0x04) !== 0;
        this.#isLastBlock = false;
        const window = isSingleSegment ? 0 : 1;
        const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
        const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
        this.#expect("header", window + dictionary + contentSize);
        return;
      }
      case "header":
        this.#expect("block", 3);
        return;
      case "block": {
        const block = numberFrom(held);
        const type = (block >> 1) & 3;
        if (type === reservedBlock) throw this.#broken("a block of the reserved type");
        this.#isLastBlock = (block & 1) !== 0;
        const contentBytes = type === rleBlock ? 1 : block >> 3;
        this.#expect("body", contentBytes + (this.#isLastBlock && this.#hasChecksum ? 4 : 0));
        return;
      }
      case "body":
        if (this.#isLastBlock) this.#expect("magic", 4);
        else this.#expect("block", 3);
        return;
    }
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#left = bytes;
  }

  #broken(found: string): StorageError {
    return new StorageError("ERR_DATA_LOSS", `cannot decompress ${this.#what}: the zstd stream has ${found}`);
  }
}

function numberFrom(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
