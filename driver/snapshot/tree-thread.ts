/**
 * A thread beside the snapshotter's own, so that a service goes on answering while a large tree is deleted or a file
 * system is synced. It is started by the first task and does not keep the process alive.
 */
import { Worker } from "node:worker_threads";
import { fromWire, StorageError, type WireError } from "../base/errors.ts";

export interface TreeTask {
  readonly kind: "remove" | "sync";
  readonly path: string;
}

export interface TreeReply {
  readonly id: number;
  readonly error: WireError | null;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const workerFile = new URL(import.meta.url.endsWith(".ts") ? "tree.worker.ts" : "tree.worker.js", import.meta.url);

export class TreeThread implements AsyncDisposable {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;

  /**
   * Tasks are done in their order.
   * @throws {StorageError} what the task throws; ERR_UNAVAILABLE when the thread ends before.
   */
  run(task: TreeTask): Promise<void> {
    this.#worker ??= this.#start();
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#waiting.set(id, {
      resolve: () => {
        resolve(undefined);
      },
      reject,
    });
    this.#worker.postMessage({ ...task, id });
    return promise;
  }

  /** Ends the thread where it stands. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(workerFile, { name: "snapshot trees" });
    worker.unref();
    worker.on("message", ({ id, error }: TreeReply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === null) waiting?.resolve();
      else waiting?.reject(fromWire(error));
    });
    const end = (error?: unknown): void => {
      if (this.#worker === worker) this.#worker = undefined;
      const reason = new StorageError("ERR_UNAVAILABLE", "cannot go on: the thread for trees has ended", {
        cause: error,
      });
      for (const { reject } of this.#waiting.values()) reject(reason);
      this.#waiting.clear();
    };
    worker.on("error", end);
    worker.on("exit", () => {
      end();
    });
    return worker;
  }
}
