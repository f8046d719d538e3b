import { Readable } from "node:stream";

/**
 * Pulls chunks from a stream that may never deliver another one, such as standard input: an abort ends the wait for the
 * chunk at once, and closing does not wait for the stream to agree.
 */
export class ChunkReader {
  readonly #input: AsyncIterable<Uint8Array>;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;

  constructor(input: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    this.#input = input;
    this.#chunks = input[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** Undefined at the end. Rejects with the signal's reason when aborted. */
  async next(): Promise<Uint8Array | undefined> {
    this.#signal?.throwIfAborted();
    const result = await this.#unlessAborted(this.#chunks.next());
    return result.done === true ? undefined : result.value;
  }

  #unlessAborted<T>(work: Promise<T>): Promise<T> {
    const signal = this.#signal;
    if (signal === undefined) return work;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      const done = (): void => {
        signal.removeEventListener("abort", onAbort);
      };
      work.then(resolve, reject).finally(done);
    });
  }

  close(): void {
    if (this.#input instanceof Readable) this.#input.destroy();
    else this.#chunks.return?.().catch(() => undefined);
  }
}
