/**
 * layer/ turns stored layers into verified ones: one thread a layer, from its file to the last file written. This file
 * is the only one that knows there is a pool.
 */
import { availableParallelism } from "node:os";
import type { Piscina } from "piscina";
import { StorageError, fromWire } from "../base/errors.ts";
import type { apply } from "./apply.worker.ts";
import { coreModule } from "../wasm/core.ts";
import { Control } from "./control.ts";
import { type EngineChoice, chooseDigestEngine } from "./digest-engine.ts";
import type { AppliedLayer, ApplyOntoTask, ApplyTask, DigestEngine, LayerLimits } from "./tasks.ts";

type PoolsOwn = "control" | "core" | "engine" | "limits";
export type LayerOrder = Omit<ApplyTask, PoolsOwn>;
export type OntoOrder = Omit<ApplyOntoTask, PoolsOwn | "redirects" | "ingestPath">;

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
  #pool: Piscina<ApplyTask | ApplyOntoTask, Awaited<ReturnType<typeof apply>>> | undefined;
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
  apply(order: LayerOrder, options?: ApplyOptions): Promise<AppliedLayer> {
    return this.#work("apply", order, options);
  }

  /**
   * Applies one layer onto a directory: read, proven, settled and merged on the thread. Until the layer is proven
   * nothing but the staging directory is touched; a directory that was empty is empty again after a failure. `usage` is
   * what the layer adds.
   * @throws {StorageError} as {@link apply}, and what settling and merging throw.
   */
  applyOnto(order: OntoOrder, options?: ApplyOptions): Promise<AppliedLayer> {
    return this.#work("applyOnto", { ...order, redirects: [], ingestPath: null }, options);
  }

  async #work(
    name: "apply" | "applyOnto",
    order: LayerOrder | Omit<ApplyOntoTask, PoolsOwn>,
    options: ApplyOptions = {},
  ): Promise<AppliedLayer> {
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
      const task = {
        ...order,
        control: control.buffer,
        core: coreModule(),
        engine: this.engine.engine,
        limits: this.#limits,
      };
      const reply = await this.#run(name, task);
      if (reply.ok) return reply.layer;
      signal?.throwIfAborted();
      throw fromWire(reply.error);
    } finally {
      clearInterval(ticker);
      signal?.removeEventListener("abort", cancel);
    }
  }

  async #run(name: string, task: ApplyTask | ApplyOntoTask): Promise<Awaited<ReturnType<typeof apply>>> {
    try {
      return await (await this.#open()).run(task, { name });
    } catch (error) {
      throw new StorageError("ERR_INTERNAL", `cannot apply ${task.what}: its thread died`, { cause: error });
    }
  }

  async #open(): Promise<Piscina<ApplyTask | ApplyOntoTask, Awaited<ReturnType<typeof apply>>>> {
    const { Piscina: Pool } = await import("piscina");
    if (this.#pool === undefined) {
      this.#pool = new Pool({
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
