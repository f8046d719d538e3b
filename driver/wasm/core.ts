/**
 * Loads the WebAssembly core (core-wasm/, built into build/*.wasm) and gives instances of it. The only folder that says
 * WebAssembly is this one; the rest of the driver uses the facades beside this file.
 */
import { readFileSync } from "node:fs";
import { StorageError } from "../base/errors.ts";
import type { CoreExports } from "./abi.ts";

/** A module that needs SIMD: (func (drop (v128.const 0))). */
const simdProbe = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x0a, 0x17, 0x01, 0x15, 0x00, 0xfd, 0x0c, ...new Uint8Array(16), 0x1a, 0x0b],
);

/** The compiled core. Structured-cloneable: send it to a worker and its machine code is shared. */
export interface CoreModule {
  readonly module: WebAssembly.Module;
  readonly simd: boolean;
}

export type CoreBuild = "simd" | "plain";

/**
 * Compiles one build from its file, without looking at what this machine can do.
 * @throws {StorageError} ERR_FAILED_PRECONDITION when the module file is missing or not WebAssembly.
 */
export function compileCore(build: CoreBuild): CoreModule {
  const simd = build === "simd";
  const file = new URL(simd ? "../../build/core-simd.wasm" : "../../build/core.wasm", import.meta.url);
  try {
    return { module: new WebAssembly.Module(readFileSync(file)), simd };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot load the WebAssembly core: ${reason}`, { cause });
  }
}

let compiled: CoreModule | undefined;

/** The core for this machine, compiled once per thread. LAMINATE_WASM_SIMD=0 in the environment forces the plain build. */
export function coreModule(): CoreModule {
  const simd = process.env["LAMINATE_WASM_SIMD"] !== "0" && WebAssembly.validate(simdProbe);
  compiled ??= compileCore(simd ? "simd" : "plain");
  return compiled;
}

/**
 * One instance: its own memory (under 4 MiB) and its own state. Memory is of fixed size, so views of it never go stale.
 * Any number of hashers may share an instance, and one {@link Gunzip} at a time.
 */
export class Core {
  readonly simd: boolean;
  readonly exports: CoreExports;
  /** All of the instance's memory. Bytes that lie in here are worked on in place, without a copy. */
  readonly memory: Uint8Array;
  readonly #stage: number;
  readonly #stageBytes: number;
  readonly #freeStates: number[] = [];

  constructor({ module, simd }: CoreModule) {
    this.simd = simd;
    // The cast is checked by test/unit/wasm/abi.test.ts.
    this.exports = new WebAssembly.Instance(module).exports as CoreExports;
    this.memory = new Uint8Array(this.exports.memory.buffer);
    const { STAGE, STAGE_BYTES, STATES, STATES_BYTES, STATE_BYTES } = this.exports;
    this.#stage = STAGE.value;
    this.#stageBytes = STAGE_BYTES.value;
    for (let at = STATES_BYTES.value; at > 0; at -= STATE_BYTES.value) {
      this.#freeStates.push(STATES.value + at - STATE_BYTES.value);
    }
  }

  /** Runs `work` over `bytes` by address: in place if they lie in this memory, else through the stage, part by part. */
  withBytes(bytes: Uint8Array, work: (address: number, length: number) => void): void {
    if (bytes.buffer === this.memory.buffer) {
      work(bytes.byteOffset, bytes.byteLength);
      return;
    }
    for (let done = 0; done < bytes.byteLength; done += this.#stageBytes) {
      const part = bytes.subarray(done, done + this.#stageBytes);
      this.memory.set(part, this.#stage);
      work(this.#stage, part.byteLength);
    }
  }

  /**
   * Lends a hash state (STATE_BYTES long); give it back with {@link releaseState}.
   * @throws {StorageError} ERR_RESOURCE_EXHAUSTED when all are lent.
   */
  takeState(): number {
    const state = this.#freeStates.pop();
    if (state !== undefined) return state;
    throw new StorageError("ERR_RESOURCE_EXHAUSTED", "cannot start a digest: too many are unfinished on one core");
  }

  releaseState(state: number): void {
    this.#freeStates.push(state);
  }
}

export function createCore(module: CoreModule = coreModule()): Core {
  return new Core(module);
}

let shared: Core | undefined;

/** The instance of this thread that hashers and header parsers share when none is given. Not for {@link Gunzip}. */
export function sharedCore(): Core {
  shared ??= createCore();
  return shared;
}
