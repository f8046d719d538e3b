/**
 * Blocks in memory that threads share, a fixed number of places used in turn. A block is filled by the thread that owns
 * the ring, sealed, taken by whichever thread comes first, compressed, and done; when its owner has written it, the
 * place serves the block that is as many blocks later. Nothing is copied or cloned on the way.
 */
import type { BlockCompressor, BlockFormat } from "./compress-block.ts";

/** What other threads need to join in; structured-cloneable. */
export interface RingParts {
  readonly memory: SharedArrayBuffer;
  readonly format: BlockFormat;
  readonly places: number;
}

/** Words of a place. Its state is the number of its block times four, and one of the phases. */
const word = { state: 0, dictionaryBytes: 1, contentBytes: 2, isLast: 3, outputBytes: 4 } as const;
const placeWords = 8;
const phase = { sealed: 1, taken: 2, done: 3 } as const;
/** The first word of all counts sealed blocks. */
const sealedWord = 0;
const headWords = 8;

export class BlockRing {
  readonly parts: RingParts;
  readonly places: number;
  readonly #format: BlockFormat;
  readonly #words: Int32Array;
  readonly #memory: Uint8Array;
  readonly #headBytes: number;
  readonly #placeBytes: number;

  constructor(parts: RingParts) {
    const { memory, format, places } = parts;
    this.parts = parts;
    this.places = places;
    this.#format = format;
    this.#headBytes = headBytes(places);
    this.#placeBytes = placeBytes(format);
    this.#words = new Int32Array(memory, 0, this.#headBytes / 4);
    this.#memory = new Uint8Array(memory);
  }

  static create(format: BlockFormat, places: number): BlockRing {
    const memory = new SharedArrayBuffer(headBytes(places) + places * placeBytes(format));
    return new BlockRing({ memory, format, places });
  }

  /** Room for a block's content, `blockBytes` long. */
  content(block: number): Uint8Array {
    const at = this.#at(block) + this.#format.dictionaryBytes;
    return this.#memory.subarray(at, at + this.#format.blockBytes);
  }

  /** Room in front of {@link content}, `dictionaryBytes` long: used from its end. */
  dictionary(block: number): Uint8Array {
    const at = this.#at(block);
    return this.#memory.subarray(at, at + this.#format.dictionaryBytes);
  }

  /** What a block that is done has become. */
  output(block: number): Uint8Array {
    return this.#outputRoom(block).subarray(0, this.#words[this.#word(block, word.outputBytes)] ?? 0);
  }

  /** Offers a block, the next one after those sealed before, to whoever takes it first. */
  seal(block: number, sizes: { dictionaryBytes: number; contentBytes: number; isLast: boolean }): void {
    this.#words[this.#word(block, word.dictionaryBytes)] = sizes.dictionaryBytes;
    this.#words[this.#word(block, word.contentBytes)] = sizes.contentBytes;
    this.#words[this.#word(block, word.isLast)] = sizes.isLast ? 1 : 0;
    this.#setPhase(block, phase.sealed);
    Atomics.store(this.#words, sealedWord, block + 1);
    Atomics.notify(this.#words, sealedWord);
  }

  /** Blocks the thread until this block is sealed. */
  waitUntilSealed(block: number): void {
    for (let sealed = this.#sealed; sealed <= block; sealed = this.#sealed) {
      Atomics.wait(this.#words, sealedWord, sealed);
    }
  }

  /** Compresses a block unless another thread has taken it; false then. */
  compress(block: number, compressor: BlockCompressor): boolean {
    const at = this.#word(block, word.state);
    const sealed = stateOf(block, phase.sealed);
    if (Atomics.compareExchange(this.#words, at, sealed, stateOf(block, phase.taken)) !== sealed) return false;
    const { dictionaryBytes } = this.#format;
    const input = {
      dictionary: this.dictionary(block).subarray(
        dictionaryBytes - (this.#words[this.#word(block, word.dictionaryBytes)] ?? 0),
      ),
      content: this.content(block).subarray(0, this.#words[this.#word(block, word.contentBytes)]),
      isLast: this.#words[this.#word(block, word.isLast)] === 1,
    };
    this.#words[this.#word(block, word.outputBytes)] = compressor(input, this.#outputRoom(block));
    this.#setPhase(block, phase.done);
    return true;
  }

  isDone(block: number): boolean {
    return Atomics.load(this.#words, this.#word(block, word.state)) === stateOf(block, phase.done);
  }

  /** Until a block that a thread has taken may have changed; the event loop goes on meanwhile. */
  async change(block: number): Promise<void> {
    const waiting = Atomics.waitAsync(
      this.#words,
      this.#word(block, word.state),
      stateOf(block, phase.taken),
      longestWaitMs,
    );
    if (waiting.async) await waiting.value;
  }

  get #sealed(): number {
    return Atomics.load(this.#words, sealedWord);
  }

  #setPhase(block: number, next: number): void {
    const at = this.#word(block, word.state);
    Atomics.store(this.#words, at, stateOf(block, next));
    Atomics.notify(this.#words, at);
  }

  #outputRoom(block: number): Uint8Array {
    const at = this.#at(block) + this.#format.dictionaryBytes + this.#format.blockBytes;
    return this.#memory.subarray(at, at + this.#format.outputBytes);
  }

  #at(block: number): number {
    return this.#headBytes + (block % this.places) * this.#placeBytes;
  }

  #word(block: number, which: number): number {
    return headWords + (block % this.places) * placeWords + which;
  }
}

/** A thread that died tells nobody: whoever waits looks at what else has happened so often. */
const longestWaitMs = 1000;

function stateOf(block: number, which: number): number {
  return block * 4 + which;
}

function headBytes(places: number): number {
  return Math.ceil(((headWords + places * placeWords) * 4) / 64) * 64;
}

function placeBytes({ dictionaryBytes, blockBytes, outputBytes }: BlockFormat): number {
  return Math.ceil((dictionaryBytes + blockBytes + outputBytes) / 64) * 64;
}
