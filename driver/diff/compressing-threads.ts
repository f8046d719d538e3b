/** Threads that help to compress a ring's blocks. */
import { Worker } from "node:worker_threads";
import { StorageError } from "../base/errors.ts";
import { coreModule } from "../wasm/core.ts";
import type { BlockRing } from "./block-ring.ts";
import type { BlockCompression } from "./compress-block.ts";
import type { HelperOrder } from "./compress.worker.ts";

const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "compress.worker.ts" : "compress.worker.js",
  import.meta.url,
);

export class CompressingThreads implements AsyncDisposable {
  readonly #workers: readonly Worker[];
  #failure: StorageError | undefined;

  constructor(count: number, ring: BlockRing, compression: BlockCompression) {
    const order: HelperOrder = { ring: ring.parts, compression, core: coreModule() };
    this.#workers = Array.from({ length: count }, () => {
      const worker = new Worker(workerFile, { name: "compress", workerData: order });
      const fail = (cause?: unknown): void => {
        this.#failure ??= new StorageError("ERR_INTERNAL", "a compressing thread died", { cause });
      };
      worker.on("error", fail);
      worker.on("exit", () => {
        fail();
      });
      return worker;
    });
  }

  /** @throws {StorageError} ERR_INTERNAL once one of them has died: what it had taken will never be done. */
  throwIfDead(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
