/** The side of a ring that fills blocks and writes what they became, in order. */
import { coreModule } from "../wasm/core.ts";
import { BlockRing } from "./block-ring.ts";
import { blockFormats, createBlockCompressor, type BlockCompression, type BlockCompressor } from "./compress-block.ts";
import { CompressingThreads } from "./compressing-threads.ts";

/** So many keep one that reads, hashes and writes busy. */
const mostThreads = 4;

/**
 * Blocks are written as soon as their turn has come. Where there is no free place, the oldest block is compressed here
 * unless another thread has it: whoever waits works. Threads are started with the second block, so that a small layer
 * costs none, and are not waited for.
 */
export class CompressingBlocks implements AsyncDisposable {
  readonly #compression: BlockCompression;
  readonly #threads: number;
  readonly #take: (content: Uint8Array) => void;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #dictionaryBytes: number;
  readonly #ring: BlockRing;
  #compressor: BlockCompressor | undefined;
  #helpers: CompressingThreads | undefined;
  /** The block being filled. */
  #block = 0;
  #dictionaryFilled = 0;
  /** The first block that is not written. */
  #written = 0;

  /** `take` gets each block's content in order, `write` what it became; neither may keep it. */
  constructor(
    compression: BlockCompression,
    threads: number,
    take: (content: Uint8Array) => void,
    write: (bytes: Uint8Array) => void,
  ) {
    this.#compression = compression;
    this.#threads = Math.min(threads, mostThreads);
    this.#take = take;
    this.#write = write;
    const format = blockFormats[compression];
    this.#dictionaryBytes = format.dictionaryBytes;
    this.#ring = BlockRing.create(format, 2 * this.#threads + 1);
  }

  get room(): Uint8Array {
    return this.#ring.content(this.#block);
  }

  async next(contentBytes: number): Promise<void> {
    if (this.#threads > 1) {
      this.#helpers ??= new CompressingThreads(this.#threads - 1, this.#ring, this.#compression);
    }
    this.#seal(contentBytes, false);
    while (this.#ring.isDone(this.#written)) this.#writeOldest();
    while (this.#block + 1 - this.#written >= this.#ring.places) await this.#finishOldest();
    // The block just sealed is still in its place, as there is one more than are under way.
    const content = this.#ring.content(this.#block).subarray(0, contentBytes);
    this.#dictionaryFilled = Math.min(contentBytes, this.#dictionaryBytes);
    this.#block++;
    const dictionary = this.#ring.dictionary(this.#block);
    dictionary.set(
      content.subarray(content.length - this.#dictionaryFilled),
      dictionary.length - this.#dictionaryFilled,
    );
  }

  async finish(contentBytes: number): Promise<void> {
    this.#seal(contentBytes, true);
    while (this.#written <= this.#block) await this.#finishOldest();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#helpers?.[Symbol.asyncDispose]();
  }

  #seal(contentBytes: number, isLast: boolean): void {
    this.#ring.seal(this.#block, { dictionaryBytes: this.#dictionaryFilled, contentBytes, isLast });
    this.#take(this.#ring.content(this.#block).subarray(0, contentBytes));
  }

  async #finishOldest(): Promise<void> {
    const oldest = this.#written;
    this.#compressor ??= createBlockCompressor(this.#compression, coreModule());
    this.#ring.compress(oldest, this.#compressor);
    while (!this.#ring.isDone(oldest)) {
      this.#helpers?.throwIfDead();
      await this.#ring.change(oldest);
    }
    this.#writeOldest();
  }

  #writeOldest(): void {
    this.#write(this.#ring.output(this.#written));
    this.#written++;
  }
}
