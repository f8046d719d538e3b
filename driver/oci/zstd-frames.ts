/**
 * Where the frames of a zstd stream begin and end (RFC 8878, 3.1). Node's decompressor stops at the end of the first
 * frame and drops the rest in silence, but layers come in many: zstd:chunked and pzstd write one for each file or chunk,
 * with skippable frames between them.
 */
import { StorageError } from "../base/errors.ts";

/** Bytes of a data frame, or its end. Skippable frames are left out. */
export type FramePart = Uint8Array | "end";

type State = "magic" | "skip-size" | "skip" | "descriptor" | "header" | "block-header" | "block" | "checksum";

const dictionaryIdBytes = [0, 1, 2, 4] as const;
const contentSizeBytes = [0, 2, 4, 8] as const;

/** Cuts a stream that comes in chunks of any size into frames, without decompressing. Views into the chunks, no copies. */
export class ZstdFrames {
  readonly #what: string;
  #state: State = "magic";
  /** Bytes that the state still waits for. */
  #missing = 4;
  /** The last four bytes, little-endian: all that any decision needs. */
  #recent = 0;
  #hasChecksum = false;
  #isLastBlock = false;

  /** @param what names the input in errors. */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * The parts in this chunk, to be taken before the next one.
   * @throws {StorageError} ERR_DATA_LOSS for what is no frame, also after the last one.
   */
  *push(chunk: Uint8Array): Generator<FramePart, void, undefined> {
    let start = 0;
    for (let at = 0; at < chunk.length;) {
      const taken = Math.min(this.#missing, chunk.length - at);
      if (this.#state !== "skip" && this.#state !== "block") {
        for (let i = at; i < at + taken; i++) this.#recent = ((this.#recent >>> 8) | ((chunk[i] ?? 0) << 24)) >>> 0;
      }
      at += taken;
      this.#missing -= taken;
      if (this.#missing > 0) break;
      const outcome = this.#advance();
      if (outcome === "frame") yield Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);
      if (outcome === "end") {
        if (at > start) yield chunk.subarray(start, at);
        yield "end";
      }
      if (outcome !== "inside") start = at;
    }
    if (this.#isInFrame() && start < chunk.length) yield chunk.subarray(start);
  }

  /** @throws {StorageError} ERR_DATA_LOSS when the stream ends within a frame. */
  end(): void {
    if (this.#state !== "magic" || this.#missing !== 4) throw this.#bad("it ends within a frame");
  }

  #isInFrame(): boolean {
    return this.#state !== "magic" && this.#state !== "skip" && this.#state !== "skip-size";
  }

  /** All bytes of a state are there: what comes next. "frame" begins one, "end" ends it, "outside" is between them. */
  #advance(): "frame" | "inside" | "end" | "outside" {
    switch (this.#state) {
      case "magic":
        if (this.#recent === 0xfd2fb528) return this.#expect("descriptor", 1, "frame");
        if (this.#recent >>> 4 === 0x184d2a5) return this.#expect("skip-size", 4, "outside");
        throw this.#bad("what follows is no zstd frame");
      case "skip-size":
        return this.#recent === 0 ? this.#expect("magic", 4, "outside") : this.#expect("skip", this.#recent, "outside");
      case "skip":
        return this.#expect("magic", 4, "outside");
      case "descriptor":
        return this.#expect("header", this.#headerBytes(this.#recent >>> 24), "inside");
      case "header":
        return this.#expect("block-header", 3, "inside");
      case "block-header":
        return this.#block(this.#recent >>> 8);
      case "block":
        return this.#afterBlock();
      case "checksum":
        return this.#expect("magic", 4, "end");
    }
  }

  #expect<Outcome>(state: State, bytes: number, outcome: Outcome): Outcome {
    this.#state = state;
    this.#missing = bytes;
    return outcome;
  }

  /** Never 0: a frame has a window descriptor or, being a single segment, a content size. */
  #headerBytes(descriptor: number): number {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const contentSize = contentSizeBytes[(descriptor >>> 6) as 0 | 1 | 2 | 3] || (isSingleSegment ? 1 : 0);
    return (isSingleSegment ? 0 : 1) + dictionaryIdBytes[(descriptor & 3) as 0 | 1 | 2 | 3] + contentSize;
  }

  #block(header: number): "inside" | "end" {
    this.#isLastBlock = (header & 1) === 1;
    const type = (header >>> 1) & 3;
    if (type === 3) throw this.#bad("a block has the reserved type");
    const bytes = type === 1 ? 1 : header >>> 3;
    return bytes === 0 ? this.#afterBlock() : this.#expect("block", bytes, "inside");
  }

  #afterBlock(): "inside" | "end" {
    if (!this.#isLastBlock) return this.#expect("block-header", 3, "inside");
    return this.#hasChecksum ? this.#expect("checksum", 4, "inside") : this.#expect("magic", 4, "end");
  }

  #bad(reason: string): StorageError {
    return new StorageError("ERR_DATA_LOSS", `cannot decompress ${this.#what}: ${reason}`);
  }
}
