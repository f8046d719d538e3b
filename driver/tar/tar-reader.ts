/**
 * tar/ owns the meaning of tar streams: V7, ustar, star, GNU and PAX, long names, sparse files, extended attributes, and
 * the names that are allowed. It works on bytes in memory, knows no file system and trusts nothing.
 *
 * Invariants: memory is bounded by TarLimits whatever the stream says; data is handed on where it lies, never copied;
 * where other readers are known to disagree about what an archive holds, it is an error and not a choice.
 */
import type { Core } from "../wasm/core.ts";
import { sharedCore } from "../wasm/core.ts";
import { defaultTarLimits } from "./entry.ts";
import type { TarHandler, TarLimits } from "./entry.ts";
import { HeaderResolver } from "./header-resolver.ts";
import type { Step } from "./header-resolver.ts";
import { badHeader, cutShort } from "./tar-errors.ts";

export interface TarReaderOptions {
  readonly limits?: TarLimits;
  /** The core to parse with; blocks that lie in its memory are parsed in place. The thread's shared one by default. */
  readonly core?: Core;
}

/** What the next bytes are. "skip" also stands for the padding after data. */
type State = "header" | "collect" | "sparse-block" | "data" | "doubtful" | "skip" | "end";

const blockBytes = 512;

/**
 * Parses a tar stream pushed in pieces of any size. What follows the end of the archive is drained silently. After a
 * throw, its own or the handler's, a reader is of no further use.
 */
export class TarReader {
  readonly #handler: TarHandler;
  readonly #resolver: HeaderResolver;
  readonly #partialBlock: Buffer = Buffer.alloc(blockBytes);
  /** Where an extended header's body is collected when pieces cut it. */
  #partialBody: Buffer | undefined;
  #filled = 0;
  #state: State = "header";
  #bodyLeft = 0;
  #paddingLeft = 0;
  #sawZeroBlock = false;
  /** Offset in the stream of the piece being parsed. */
  #position = 0;

  constructor(handler: TarHandler, options: TarReaderOptions = {}) {
    this.#handler = handler;
    this.#resolver = new HeaderResolver(options.core ?? sharedCore(), options.limits ?? defaultTarLimits);
  }

  /**
   * @throws {StorageError} ERR_INVALID_ARGUMENT for what is no tar or holds a name or number that cannot be;
   * ERR_RESOURCE_EXHAUSTED naming the limit of TarLimits that is exceeded. Whatever the handler throws passes through.
   */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.byteLength && this.#state !== "end") {
      switch (this.#state) {
        case "data":
          at = this.#takeData(bytes, at);
          break;
        case "skip":
          at = this.#takeSkipped(bytes, at);
          break;
        case "collect":
          at = this.#takeBody(bytes, at);
          break;
        default:
          at = this.#takeBlock(bytes, at);
      }
    }
    this.#position += bytes.byteLength;
  }

  /**
   * Says that the stream is over. An archive need not end in zero blocks, but not within a header or body.
   * @throws {StorageError} ERR_DATA_LOSS when the archive is cut short.
   */
  end(): void {
    if (this.#state === "end") return;
    const inHeader = this.#filled > 0 || this.#state === "collect" || this.#state === "sparse-block";
    if (inHeader && !this.#sawZeroBlock) throw cutShort(this.#position, "a header");
    if (this.#bodyLeft > 0 || this.#state === "doubtful") throw cutShort(this.#position, "the data of an entry");
    if (this.#resolver.expectsEntry) throw cutShort(this.#position, "the headers of an entry");
    this.#state = "end";
  }

  #takeData(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.byteLength, at + this.#bodyLeft);
    this.#handler.data(at === 0 && end === bytes.byteLength ? bytes : bytes.subarray(at, end));
    this.#bodyLeft -= end - at;
    if (this.#bodyLeft === 0) {
      this.#state = "skip";
      this.#handler.endOfEntry();
      this.#leaveIfDone();
    }
    return end;
  }

  #takeSkipped(bytes: Uint8Array, at: number): number {
    const left = bytes.byteLength - at;
    const body = Math.min(left, this.#bodyLeft);
    const padding = Math.min(left - body, this.#paddingLeft);
    this.#bodyLeft -= body;
    this.#paddingLeft -= padding;
    this.#leaveIfDone();
    return at + body + padding;
  }

  #takeBody(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.byteLength, at + this.#bodyLeft);
    const part = bytes.subarray(at, end);
    this.#bodyLeft -= part.byteLength;
    if (this.#bodyLeft > 0 || this.#partialBody !== undefined) {
      this.#partialBody ??= Buffer.allocUnsafe(this.#resolver.bodyBytes);
      this.#partialBody.set(part, this.#filled);
      this.#filled += part.byteLength;
    }
    if (this.#bodyLeft === 0) this.#finishBody(this.#partialBody ?? part);
    return end;
  }

  #finishBody(body: Uint8Array): void {
    this.#partialBody = undefined;
    this.#filled = 0;
    this.#state = "skip";
    this.#resolver.collected(body);
    this.#leaveIfDone();
  }

  #takeBlock(bytes: Uint8Array, at: number): number {
    if (this.#filled === 0 && bytes.byteLength - at >= blockBytes) {
      this.#onBlock(bytes, at, this.#position + at);
      return at + blockBytes;
    }
    const end = Math.min(bytes.byteLength, at + blockBytes - this.#filled);
    this.#partialBlock.set(bytes.subarray(at, end), this.#filled);
    this.#filled += end - at;
    if (this.#filled === blockBytes) {
      this.#filled = 0;
      this.#onBlock(this.#partialBlock, 0, this.#position + end - blockBytes);
    }
    return end;
  }

  #onBlock(bytes: Uint8Array, offset: number, atByte: number): void {
    if (this.#state === "sparse-block") {
      this.#act(this.#resolver.sparseBlock(bytes, offset), atByte);
    } else if (this.#state === "doubtful") {
      this.#resolver.checkBody(bytes, offset);
      const body = Math.min(this.#bodyLeft, blockBytes);
      this.#bodyLeft -= body;
      this.#paddingLeft -= blockBytes - body;
      this.#state = "skip";
      this.#leaveIfDone();
    } else {
      const step = this.#resolver.block(bytes, offset, atByte);
      if (!this.#sawZeroBlock) this.#act(step, atByte);
      else if (step === "zeros" || step === "garbage") this.#state = "end";
      else throw badHeader(atByte, "an entry follows a zero block, where readers disagree on the archive's end");
    }
  }

  #act(step: Step, atByte: number): void {
    switch (step) {
      case "zeros":
        if (this.#resolver.expectsEntry) throw cutShort(atByte, "the headers of an entry");
        this.#sawZeroBlock = true;
        return;
      case "garbage":
        throw badHeader(atByte, "the checksum is wrong");
      case "sparse-block":
        this.#state = "sparse-block";
        return;
      case "collect":
      case "skip":
        this.#expectBody(step);
        if (this.#bodyLeft > 0) return;
        if (step === "collect") this.#finishBody(emptyBody);
        else this.#leaveIfDone();
        return;
      case "entry":
        this.#startEntry();
    }
  }

  #startEntry(): void {
    const { entry, bodyIsDoubtful } = this.#resolver;
    const hasData = entry.type === "file" && this.#resolver.bodyBytes > 0;
    this.#expectBody(hasData ? "data" : bodyIsDoubtful ? "doubtful" : "skip");
    this.#handler.entry(entry);
    if (hasData) return;
    this.#handler.endOfEntry();
    if (!bodyIsDoubtful) this.#leaveIfDone();
  }

  #expectBody(state: State): void {
    const { bodyBytes } = this.#resolver;
    this.#state = state;
    this.#bodyLeft = bodyBytes;
    this.#paddingLeft = (blockBytes - (bodyBytes % blockBytes)) % blockBytes;
  }

  #leaveIfDone(): void {
    if (this.#bodyLeft === 0 && this.#paddingLeft === 0) this.#state = "header";
  }
}

const emptyBody = new Uint8Array(0);
