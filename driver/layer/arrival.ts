/**
 * A file whose bytes are still arriving: one side writes them and says how far it is, a thread reads behind it and sleeps
 * while it has caught up. The word of state is also what the thread sleeps on.
 */
import { StorageError } from "../base/errors.ts";

const versionWord = 0;
const stoppedWord = 1;
const sizeCounter = 1;
/** How long a sleeping thread goes without looking for a cancellation. */
const napMs = 100;

export class Arrival {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #counters: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, 2);
    this.#counters = new BigInt64Array(buffer, 0, 2);
  }

  /** So many bytes, from the file's start, are in it. */
  advance(totalBytes: number): void {
    Atomics.store(this.#counters, sizeCounter, BigInt(totalBytes));
    this.#wake();
  }

  /** No more will come: whoever waits for them fails. */
  stop(): void {
    Atomics.store(this.#words, stoppedWord, 1);
    this.#wake();
  }

  /**
   * How many bytes are there, once there are more than `have`. Blocks the thread; `check` is called now and then, to throw.
   * @throws {StorageError} ERR_ABORTED after {@link stop}: why is known to whoever stopped.
   */
  waitBeyond(have: number, what: string, check: () => void): number {
    for (;;) {
      const version = Atomics.load(this.#words, versionWord);
      const there = Number(Atomics.load(this.#counters, sizeCounter));
      if (there > have) return there;
      if (Atomics.load(this.#words, stoppedWord) !== 0) {
        throw new StorageError("ERR_ABORTED", `cannot read ${what}: its bytes stopped coming`);
      }
      check();
      Atomics.wait(this.#words, versionWord, version, napMs);
    }
  }

  #wake(): void {
    Atomics.add(this.#words, versionWord, 1);
    Atomics.notify(this.#words, versionWord);
  }
}
