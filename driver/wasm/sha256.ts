/** SHA-256 in the core, one stream or four side by side. */
import type { Digest, Hasher } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import { type Core, sharedCore } from "./core.ts";

const digestBytes = 32;

/** Gives states back whose hashers were dropped unfinished. */
const dropped = new FinalizationRegistry<{ core: Core; state: number }>(({ core, state }) => {
  core.releaseState(state);
});

class Sha256 implements Hasher {
  readonly #core: Core;
  #state: number | undefined;

  constructor(core: Core) {
    this.#core = core;
    const state = core.takeState();
    this.#state = state;
    core.exports.sha256Start(state);
    dropped.register(this, { core, state }, this);
  }

  /** The state's address, while the digest is not taken. */
  get state(): number {
    if (this.#state !== undefined) return this.#state;
    throw new StorageError("ERR_FAILED_PRECONDITION", "cannot use a SHA-256: its digest was taken already");
  }

  update(bytes: Uint8Array): void {
    const { state } = this;
    this.#core.withBytes(bytes, (address, length) => {
      this.#core.exports.sha256Update(state, address, length);
    });
  }

  digest(): Digest {
    const { state } = this;
    const { exports, memory } = this.#core;
    exports.sha256Finish(state);
    const hex = Buffer.from(memory.buffer, state, digestBytes).toString("hex");
    dropped.unregister(this);
    this.#core.releaseState(state);
    this.#state = undefined;
    // Made here of 32 bytes, so it is what parseDigest would let pass.
    return `sha256:${hex}` as Digest;
  }
}

/**
 * A SHA-256 in `core`, or in this thread's shared core. Bytes that lie in that core's memory (what a {@link Gunzip}
 * hands on) are hashed in place.
 */
export function createWasmSha256(core: Core = sharedCore()): Hasher {
  return new Sha256(core);
}

export type FourOf<T> = readonly [T, T, T, T];

/** Four independent digests. Bytes given to all four lanes together are hashed side by side, which is the point of it. */
export interface Hasher4 {
  /** Adds to each lane; parts may be of any lengths, but only as far as all four go are they hashed side by side. */
  update(parts: FourOf<Uint8Array>): void;
  digests(): FourOf<Digest>;
}

const blockBytes = 64;

class Sha256x4 implements Hasher4 {
  readonly #core: Core;
  readonly #lanes: FourOf<Sha256>;
  /** Bytes added to each lane so far, modulo the block. */
  readonly #filled = [0, 0, 0, 0];

  constructor(core: Core) {
    this.#core = core;
    this.#lanes = [new Sha256(core), new Sha256(core), new Sha256(core), new Sha256(core)];
  }

  update(parts: FourOf<Uint8Array>): void {
    const rests = parts.map((part, lane) => this.#completeBlock(part, lane));
    let done = 0;
    const together = Math.floor(Math.min(...rests.map((rest) => rest.byteLength)) / blockBytes) * blockBytes;
    if (this.#filled.every((filled) => filled === 0)) {
      this.#updateTogether(rests, together);
      done = together;
    }
    rests.forEach((rest, lane) => {
      this.#updateOne(rest.subarray(done), lane);
    });
  }

  digests(): FourOf<Digest> {
    const [a, b, c, d] = this.#lanes;
    return [a.digest(), b.digest(), c.digest(), d.digest()];
  }

  /** Fills up a lane's partial block, if it has one; returns what is left of `part`. */
  #completeBlock(part: Uint8Array, lane: number): Uint8Array {
    const filled = this.#filled[lane] ?? 0;
    const taken = Math.min(part.byteLength, (blockBytes - filled) % blockBytes);
    this.#updateOne(part.subarray(0, taken), lane);
    return part.subarray(taken);
  }

  #updateOne(bytes: Uint8Array, lane: number): void {
    if (bytes.byteLength === 0) return;
    this.#lanes[lane]?.update(bytes);
    this.#filled[lane] = ((this.#filled[lane] ?? 0) + bytes.byteLength) % blockBytes;
  }

  #updateTogether(parts: readonly Uint8Array[], length: number): void {
    const { exports, memory } = this.#core;
    const [a, b, c, d] = this.#lanes;
    const step = exports.STAGE_BYTES.value / 4;
    const inPlace = parts.every((part) => part.buffer === memory.buffer);
    for (let done = 0; done < length; done += step) {
      const bytes = Math.min(step, length - done);
      const at = parts.map((part, lane) => {
        if (inPlace) return part.byteOffset + done;
        const place = exports.STAGE.value + lane * step;
        memory.set(part.subarray(done, done + bytes), place);
        return place;
      });
      const [p0 = 0, p1 = 0, p2 = 0, p3 = 0] = at;
      exports.sha256UpdateLanes(a.state, b.state, c.state, d.state, p0, p1, p2, p3, bytes / blockBytes);
    }
  }
}

/** Four SHA-256 at once in `core`, or in this thread's shared core. Pays only with four streams' bytes at hand. */
export function createWasmSha256x4(core: Core = sharedCore()): Hasher4 {
  return new Sha256x4(core);
}
