/**
 * Which SHA-256 runs. OpenSSL on a processor with SHA instructions is several times faster than WebAssembly can be;
 * without them, or in a build of Node that lacks them, it may not be. So "auto" times both and takes the faster.
 */
import { createHash } from "node:crypto";
import { type Digest, type Hasher, parseDigest } from "../base/digest.ts";
import type { Core } from "../wasm/core.ts";
import { createCore } from "../wasm/core.ts";
import { createWasmSha256 } from "../wasm/sha256.ts";
import type { DigestEngine } from "./tasks.ts";

export function createHasher(engine: DigestEngine, core: Core): Hasher {
  return engine === "native" ? new NativeHasher() : createWasmSha256(core);
}

class NativeHasher implements Hasher {
  readonly #hash = createHash("sha256");

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  digest(): Digest {
    return parseDigest(`sha256:${this.#hash.digest("hex")}`);
  }
}

export interface EngineChoice {
  readonly engine: DigestEngine;
  readonly reason: string;
}

const sampleBytes = 256 * 1024;
const rounds = 3;
/** Without SHA instructions of the processor nothing is as fast, WebAssembly least of all: it need not be timed. */
const unreachedMegabytesPerSecond = 1000;

/** Takes a few milliseconds for "auto", tens where WebAssembly is timed, too; call it once a process. */
export function chooseDigestEngine(wanted: DigestEngine | "auto"): EngineChoice {
  if (wanted !== "auto") return { engine: wanted, reason: "asked for" };
  const sample = new Uint8Array(sampleBytes);
  const native = megabytesPerSecond(() => new NativeHasher(), sample);
  if (native > unreachedMegabytesPerSecond) {
    return { engine: "native", reason: `measured: native ${native.toFixed(0)} MB/s, which wasm cannot reach` };
  }
  const core = createCore();
  const wasm = megabytesPerSecond(() => createWasmSha256(core), sample);
  const engine = native >= wasm ? "native" : "wasm";
  return { engine, reason: `measured: native ${native.toFixed(0)} MB/s, wasm ${wasm.toFixed(0)} MB/s` };
}

/** The best of a few rounds, after one that warms up. */
function megabytesPerSecond(create: () => Hasher, sample: Uint8Array): number {
  let bestMs = Infinity;
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    const hasher = create();
    hasher.update(sample);
    hasher.digest();
    if (round > 0) bestMs = Math.min(bestMs, performance.now() - start);
  }
  return sample.length / 1000 / bestMs;
}
