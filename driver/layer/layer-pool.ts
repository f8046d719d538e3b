/**
 * layer/ turns stored layers into verified ones: one thread a layer, from its file to the last file written, or two where
 * a layer would keep all others waiting. This file is the only one that knows there are pools.
 */
import { availableParallelism } from "node:os";
import type { Piscina } from "piscina";
import { StorageError, fromWire } from "../base/errors.ts";
import { coreModule } from "../wasm/core.ts";
import { Control } from "./control.ts";
import { type EngineChoice, chooseDigestEngine } from "./digest-engine.ts";
import { isSecondhand, TarRing } from "./tar-ring.ts";
import type { AppliedLayer, ApplyOntoTask, ApplyTask, DigestEngine, LayerLimits, ReadLayer, Reply } from "./tasks.ts";

type PoolsOwn = "control" | "core" | "engine" | "limits" | "ring";
export type LayerOrder = Omit<ApplyTask, PoolsOwn>;
export type OntoOrder = Omit<ApplyOntoTask, PoolsOwn | "redirects" | "ingestPath">;

export interface ApplyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called a few times a second with the stored bytes read so far. */
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
  /** Others wait for this layer: a second thread reads ahead of the one that lays it down, if one is free. */
  readonly isUrgent?: boolean | undefined;
}

type Task = ApplyTask | ApplyOntoTask;

const progressIntervalMs = 100;
/** Below, a second thread has hardly started when the first is done. */
const defaultUrgentFromBytes = 8 * 1024 * 1024;

export interface LayerPoolOptions {
  readonly engine: DigestEngine | "auto";
  readonly limits: LayerLimits;
  /** Of this machine's processors, unless given. */
  readonly threads?: number | undefined;
  /** How large a layer must be to get a second thread. */
  readonly urgentFromBytes?: number | undefined;
}

function workerUrl(name: string): string {
  return new URL(`${name}.worker.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url).href;
}

export class LayerPool implements AsyncDisposable {
  readonly #wantedEngine: DigestEngine | "auto";
  readonly #limits: LayerLimits;
  readonly #threads: number;
  readonly #urgentFromBytes: number;
  readonly #pools = new Map<"apply" | "read", Promise<Piscina>>();
  #choice: EngineChoice | undefined;
  /** Threads with a task. */
  #busy = 0;

  constructor(options: LayerPoolOptions) {
    this.#wantedEngine = options.engine;
    this.#limits = options.limits;
    this.#threads = options.threads ?? availableParallelism();
    this.#urgentFromBytes = options.urgentFromBytes ?? defaultUrgentFromBytes;
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
    const { signal, onProgress, isUrgent = false } = options;
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
    const task = {
      ...order,
      control: control.buffer,
      core: coreModule(),
      engine: this.engine.engine,
      limits: this.#limits,
      ring: null,
    };
    const isWorthTwo = isUrgent && order.stagingDir !== null && order.file.sizeBytes >= this.#urgentFromBytes;
    try {
      const reply = await (isWorthTwo && this.#busy + 2 <= this.#threads
        ? this.#runOnTwo(name, task)
        : this.#run<AppliedLayer>("apply", name, task));
      if (reply.ok) return reply.layer;
      signal?.throwIfAborted();
      throw fromWire(reply.error);
    } finally {
      clearInterval(ticker);
      signal?.removeEventListener("abort", cancel);
    }
  }

  async #runOnTwo(name: "apply" | "applyOnto", task: Task): Promise<Reply<AppliedLayer>> {
    const ring = new TarRing();
    const shared = { ...task, ring: ring.memory };
    const orStop = <Answer>(answer: Promise<Answer>): Promise<Answer> =>
      answer.catch((error: unknown) => {
        ring.stop("ERR_ABORTED");
        throw error;
      });
    const [ahead, laid] = await Promise.allSettled([
      orStop(this.#run<ReadLayer>("read", "readAhead", shared)),
      orStop(this.#run<AppliedLayer>("apply", name, { ...shared, ingestPath: null })),
    ]);
    for (const died of [ahead, laid]) if (died.status === "rejected") throw died.reason as Error;
    if (ahead.status !== "fulfilled" || laid.status !== "fulfilled") throw new TypeError("both have answered");
    return ahead.value.ok || isSecondhand(ahead.value.error) ? laid.value : ahead.value;
  }

  async #run<Result>(pool: "apply" | "read", name: string, task: Task): Promise<Reply<Result>> {
    this.#busy++;
    try {
      return (await (await this.#open(pool)).run(task, { name })) as Reply<Result>;
    } catch (error) {
      throw new StorageError("ERR_INTERNAL", `cannot apply ${task.what}: its thread died`, { cause: error });
    } finally {
      this.#busy--;
    }
  }

  /** Of each kind as many as there may be layers, so that whoever waits for another thread does not keep it waiting. */
  #open(kind: "apply" | "read"): Promise<Piscina> {
    const open = async (): Promise<Piscina> => {
      const { Piscina: Pool } = await import("piscina");
      const pool = new Pool({
        filename: workerUrl(kind),
        minThreads: 0,
        maxThreads: this.#threads,
        idleTimeout: 1000,
        concurrentTasksPerWorker: 1,
      });
      // A thread that dies while idle is reported here; the pool starts another when it needs one.
      pool.on("error", () => undefined);
      return pool;
    };
    const pool = this.#pools.get(kind) ?? open();
    this.#pools.set(kind, pool);
    return pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(async (pool) => (await pool).destroy()));
  }
}
