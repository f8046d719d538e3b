/**
 * A thread beside the snapshotter's own, so that a service goes on answering while a large tree is deleted or measured
 * or a file system is synced. It is started by the first task.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { fromWire, StorageError, type WireError } from "../base/errors.ts";
import type { Usage } from "../extract/staged-layer.ts";
import type { Growth } from "./measure-tree.ts";

export type TreeTask =
  { readonly kind: "remove" | "sync"; readonly path: string } | { readonly kind: "measure"; readonly growth: Growth };

export type TreeReply =
  { readonly id: number; readonly usage: Usage | null } | { readonly id: number; readonly error: WireError };

interface Waiting {
  readonly promise: Promise<Usage | null>;
  readonly isAwaited: boolean;
  readonly resolve: (usage: Usage | null) => void;
  readonly reject: (error: Error) => void;
}

const workerFile = new URL(import.meta.url.endsWith(".ts") ? "tree.worker.ts" : "tree.worker.js", import.meta.url);

/**
 * Tasks are done in their order. Each rejects with the {@link StorageError} that it throws, and with ERR_UNAVAILABLE
 * when the thread ends before.
 */
export class TreeThread {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;
  /** Tasks that somebody waits for; a removal goes on after its call. */
  #awaited = 0;
  #isStopped = false;

  /** See {@link import("./remove-with-mounts.ts").removeWithMounts}. Does not keep the process alive. */
  async remove(path: string): Promise<void> {
    await this.#run({ kind: "remove", path });
  }

  async sync(path: string): Promise<void> {
    await this.#run({ kind: "sync", path });
  }

  async measure(growth: Growth): Promise<Usage> {
    const usage = await this.#run({ kind: "measure", growth });
    if (usage === null) throw new StorageError("ERR_INTERNAL", `cannot measure ${growth.tree}: no answer was given`);
    return usage;
  }

  /** Takes no more tasks, lets those it has go on for `graceMs`, and then ends the thread where it stands. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    const done = Promise.allSettled([...this.#waiting.values()].map(({ promise }) => promise));
    const patience = new AbortController();
    await Promise.race([done, sleep(graceMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
    await this.#worker?.terminate();
  }

  #run(task: TreeTask): Promise<Usage | null> {
    if (this.#isStopped) return Promise.reject(ended());
    this.#worker ??= this.#start();
    const id = ++this.#lastId;
    const settlers = Promise.withResolvers<Usage | null>();
    this.#waiting.set(id, { ...settlers, isAwaited: task.kind !== "remove" });
    if (task.kind !== "remove") this.#awaited++;
    this.#refer();
    this.#worker.postMessage({ ...task, id });
    return settlers.promise;
  }

  #start(): Worker {
    const worker = new Worker(workerFile, { name: "snapshot trees" });
    worker.on("message", (reply: TreeReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (waiting?.isAwaited === true) this.#awaited--;
      this.#refer();
      if ("error" in reply) waiting?.reject(fromWire(reply.error));
      else waiting?.resolve(reply.usage);
    });
    const end = (error?: unknown): void => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const { reject } of this.#waiting.values()) reject(ended(error));
      this.#waiting.clear();
      this.#awaited = 0;
    };
    worker.on("error", end);
    worker.on("exit", () => {
      end();
    });
    return worker;
  }

  #refer(): void {
    if (this.#awaited > 0) this.#worker?.ref();
    else this.#worker?.unref();
  }
}

function ended(cause?: unknown): StorageError {
  return new StorageError("ERR_UNAVAILABLE", "cannot go on: the thread for trees has ended", { cause });
}
