/**
 * layer/ turns stored layers into verified ones: one thread a layer, from its file to the last file written. This file
 * is the only one that knows there is a pool, and the only one that mints {@link VerifiedLayer}.
 */
import { availableParallelism } from "node:os";
import { Piscina } from "piscina";
import { StorageError, fromWire } from "../base/errors.ts";
import type { VerifiedLayer } from "../extract/staged-layer.ts";
import type { apply } from "./apply.worker.ts";
import { coreModule } from "../wasm/core.ts";
import { Control } from "./control.ts";
import { type EngineChoice, chooseDigestEngine } from "./digest-engine.ts";
import { type AppliedLayer, type ApplyTask, type DigestEngine, type LayerLimits } from "./tasks.ts";

export type LayerOrder = Omit<ApplyTask, "control" | "core" | "engine" | "limits">;

export interface ApplyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called a few times a second with the stored bytes read so far. */
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
}

const progressIntervalMs = 100;
const workerFile = new URL(import.meta.url.endsWith(".ts") ? "apply.worker.ts" : "apply.worker.js", import.meta.url);

export class LayerPool implements AsyncDisposable {
  readonly #wantedEngine: DigestEngine | "auto";
  readonly #limits: LayerLimits;
  readonly #threads: number;
  #pool: Piscina<ApplyTask, Awaited<ReturnType<typeof apply>>> | undefined;
  #choice: EngineChoice | undefined;

  constructor(options: { engine: DigestEngine | "auto"; limits: LayerLimits; threads?: number | undefined }) {
    this.#wantedEngine = options.engine;
    this.#limits = options.limits;
    this.#threads = options.threads ?? availableParallelism();
  }

  get engine(): EngineChoice {
    return (this.#choice ??= chooseDigestEngine(this.#wantedEngine));
  }

  /**
   * Applies, or with `stagingDir` null only verifies, one layer. On failure the staging directory and the ingest file
   * hold rubbish that the caller drops.
   * @throws {StorageError} as {@link import("./apply-layer.ts").applyLayer}; ERR_INTERNAL when the thread died.
   */
  async apply(order: LayerOrder, options: ApplyOptions = {}): Promise<AppliedLayer> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const control = new Control();
    const cancel = (): void => {
      control.cancel();
    };
    signal?.addEventListener("abort", cancel);
    const ticker =
      onProgress &&
      setInterval(() => {
        onProgress(control.doneBytes);
      }, progressIntervalMs);
    try {
      const task: ApplyTask = {
        ...order,
        control: control.buffer,
        core: coreModule(),
        engine: this.engine.engine,
        limits: this.#limits,
      };
      const reply = await this.#run(task);
      if (reply.ok) return reply.layer;
      signal?.throwIfAborted();
      throw fromWire(reply.error);
    } finally {
      clearInterval(ticker);
      signal?.removeEventListener("abort", cancel);
    }
  }

  async #run(task: ApplyTask): Promise<Awaited<ReturnType<typeof apply>>> {
    try {
      return await this.#open().run(task, { name: "apply" });
    } catch (error) {
      throw new StorageError("ERR_INTERNAL", `cannot apply ${task.what}: its thread died`, { cause: error });
    }
  }

  #open(): Piscina<ApplyTask, Awaited<ReturnType<typeof apply>>> {
    if (this.#pool === undefined) {
      this.#pool = new Piscina({
        filename: workerFile.href,
        minThreads: 0,
        maxThreads: this.#threads,
        idleTimeout: 1000,
        concurrentTasksPerWorker: 1,
      });
      // A thread that dies while idle is reported here; the pool starts another when it needs one.
      this.#pool.on("error", () => undefined);
    }
    return this.#pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.destroy();
    this.#pool = undefined;
  }
}

/** The brand says: size, digest and diffID of what lies in `stagingDir` were proven by the pass that laid it there. */
export function verifiedLayer(applied: AppliedLayer, stagingDir: string): VerifiedLayer {
  const { digest, diffId, notes, usage } = applied;
  return { digest, diffId, notes, usage, stagingDir } as unknown as VerifiedLayer;
}
