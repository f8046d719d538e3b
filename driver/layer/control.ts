/**
 * The words that the pool and a working thread share: a request to stop, and how far the thread has read. A thread
 * never waits on them; it looks once a chunk.
 */
import { StorageError } from "../base/errors.ts";

const cancelWord = 0;
const doneBytesWord = 0;

export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #counters: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, 1);
    this.#counters = new BigInt64Array(buffer, 8, 1);
  }

  cancel(): void {
    Atomics.store(this.#words, cancelWord, 1);
  }

  /** @throws {StorageError} ERR_CANCELED once {@link cancel} was called on any side. */
  throwIfCanceled(what: string): void {
    if (Atomics.load(this.#words, cancelWord) !== 0) {
      throw new StorageError("ERR_CANCELED", `cannot apply ${what}: canceled`);
    }
  }

  /** Stored (compressed) bytes read so far. */
  get doneBytes(): number {
    return Number(Atomics.load(this.#counters, doneBytesWord));
  }

  set doneBytes(value: number) {
    Atomics.store(this.#counters, doneBytesWord, BigInt(value));
  }
}
