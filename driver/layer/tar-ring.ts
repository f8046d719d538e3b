/**
 * A layer's tar bytes on their way from the thread that reads and proves the layer to the one that lays it down: blocks
 * in memory that both share, used in turn. Whoever is ahead sleeps. The ring ends only once the layer is proven.
 */
import { type ErrorCode, errorCodes, type ErrorDetails, StorageError } from "../base/errors.ts";

/** Plain numbers, for the other side of the ring; -1 where it goes on. */
const word = { sealed: 0, released: 1, isEnded: 2, stopCode: 3, proofBytes: 4 } as const;
const goesOn = -1;
const secondhand = "secondhand";
const headWords = 16;
const places = 16;
const blockBytes = 256 * 1024;
const lengthsAt = headWords;
const wordBytes = 4 * (headWords + places);
const proofRoomBytes = 1024;
/** How long a sleeping thread goes without looking for a cancellation, or for the other's end. */
const napMs = 100;

/** One side of it; the two sides are instances on the same memory. */
export class TarRing {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #proof: Uint8Array;
  /** Being filled, or being read. */
  #block = 0;
  #filled = 0;

  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(wordBytes + proofRoomBytes + places * blockBytes);
    this.#words = new Int32Array(this.memory, 0, wordBytes / 4);
    this.#proof = new Uint8Array(this.memory, wordBytes, proofRoomBytes);
    this.#bytes = new Uint8Array(this.memory, wordBytes + proofRoomBytes);
    if (memory === undefined) this.#words[word.stopCode] = goesOn;
  }

  /**
   * Blocks the thread while the ring is full; `check` is called now and then, to throw.
   * @throws {StorageError} with the code that the other side stopped with.
   */
  write(bytes: Uint8Array, check: () => void): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === 0) this.#waitForRoom(check);
      const part = bytes.subarray(at, at + blockBytes - this.#filled);
      this.#bytes.set(part, (this.#block % places) * blockBytes + this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === blockBytes) this.#seal();
    }
  }

  /** No more will come, and what came is proven; `proof` says what it is. */
  end(proof: object): void {
    if (this.#filled > 0) this.#seal();
    const json = Buffer.from(JSON.stringify(proof));
    this.#proof.set(json);
    this.#words[word.proofBytes] = json.length;
    Atomics.store(this.#words, word.isEnded, 1);
    Atomics.notify(this.#words, word.sealed);
  }

  /**
   * The next bytes, valid until the next call; undefined at the end. Blocks as {@link write}.
   * @throws {StorageError} as {@link write}.
   */
  read(check: () => void): Uint8Array | undefined {
    if (this.#filled > 0) this.#release();
    for (;;) {
      this.#throwIfStopped();
      const isEnded = Atomics.load(this.#words, word.isEnded) === 1;
      const sealed = Atomics.load(this.#words, word.sealed);
      if (sealed !== this.#block) break;
      if (isEnded) return undefined;
      check();
      Atomics.wait(this.#words, word.sealed, sealed, napMs);
    }
    const place = this.#block % places;
    this.#filled = this.#words[lengthsAt + place] ?? 0;
    return this.#bytes.subarray(place * blockBytes, place * blockBytes + this.#filled);
  }

  /** What {@link end} was given; only after the end. */
  get proof(): unknown {
    const json = this.#proof.slice(0, this.#words[word.proofBytes]);
    return JSON.parse(Buffer.from(json).toString()) as unknown;
  }

  /** The other side fails at its next call. Only the first code counts. */
  stop(code: ErrorCode): void {
    Atomics.compareExchange(this.#words, word.stopCode, goesOn, errorCodes.indexOf(code));
    Atomics.notify(this.#words, word.sealed);
    Atomics.notify(this.#words, word.released);
  }

  #waitForRoom(check: () => void): void {
    for (;;) {
      this.#throwIfStopped();
      const released = Atomics.load(this.#words, word.released);
      if (this.#block - released < places) return;
      check();
      Atomics.wait(this.#words, word.released, released, napMs);
    }
  }

  #seal(): void {
    this.#words[lengthsAt + (this.#block % places)] = this.#filled;
    this.#block++;
    this.#filled = 0;
    Atomics.store(this.#words, word.sealed, this.#block);
    Atomics.notify(this.#words, word.sealed);
  }

  #release(): void {
    this.#block++;
    this.#filled = 0;
    Atomics.store(this.#words, word.released, this.#block);
    Atomics.notify(this.#words, word.released);
  }

  #throwIfStopped(): void {
    const code = errorCodes[Atomics.load(this.#words, word.stopCode)];
    if (code === undefined) return;
    throw new StorageError(code, "the other thread of this layer stopped", { details: { [secondhand]: 1 } });
  }
}

/** Whether an error only says that the other side had one. */
export function isSecondhand({ details }: { readonly details: ErrorDetails }): boolean {
  return secondhand in details;
}
