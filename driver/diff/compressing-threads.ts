/** Threads that compress blocks side by side, and give the results back in order. */
import { Worker } from "node:worker_threads";
import { StorageError } from "../base/errors.ts";
import type { BlockResult, BlockTask } from "./compress.worker.ts";

const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "compress.worker.ts" : "compress.worker.js",
  import.meta.url,
);

/**
 * Blocks are sent round the threads, two waiting for each at most, and so is their memory: whoever wants to fill one more
 * waits for one to come back.
 */
export class CompressingThreads implements AsyncDisposable {
  readonly #workers: readonly Worker[];
  readonly #write: (output: Uint8Array) => void;
  readonly #free: ArrayBuffer[];
  readonly #early = new Map<number, Uint8Array>();
  #sent = 0;
  #written = 0;
  #failure: unknown;
  #wake: (() => void) | undefined;

  /** `write` receives what the blocks became, in order. */
  constructor(threads: number, memoryBytes: number, write: (output: Uint8Array) => void) {
    this.#write = write;
    this.#free = Array.from({ length: 2 * threads + 1 }, () => new ArrayBuffer(memoryBytes));
    this.#workers = Array.from({ length: threads }, () => {
      const worker = new Worker(workerFile, { name: "compress" });
      worker.on("message", (result: BlockResult) => {
        this.#receive(result);
      });
      worker.on("error", (error) => {
        this.#fail(new StorageError("ERR_INTERNAL", "a compressing thread died", { cause: error }));
      });
      worker.on("exit", () => {
        this.#fail(new StorageError("ERR_INTERNAL", "a compressing thread ended early"));
      });
      return worker;
    });
  }

  /** Memory to fill; whoever has it sends it. @throws whatever `write` threw. */
  async memory(): Promise<ArrayBuffer> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure as Error;
      const memory = this.#free.pop();
      if (memory !== undefined) return memory;
      await this.#change();
    }
  }

  send(task: Omit<BlockTask, "index">): void {
    const index = this.#sent++;
    this.#workers[index % this.#workers.length]?.postMessage({ ...task, index }, [task.memory]);
  }

  /** Until all that was sent is written. */
  async drain(): Promise<void> {
    while (this.#written < this.#sent) {
      if (this.#failure !== undefined) throw this.#failure as Error;
      await this.#change();
    }
    if (this.#failure !== undefined) throw this.#failure as Error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #receive({ index, memory, output }: BlockResult): void {
    this.#free.push(memory);
    this.#early.set(index, output);
    try {
      for (;;) {
        const next = this.#early.get(this.#written);
        if (next === undefined) break;
        this.#early.delete(this.#written);
        this.#write(next);
        this.#written++;
      }
      this.#wake?.();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake?.();
  }
}
