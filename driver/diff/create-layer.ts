/** A layer made from changes, on a thread of its own: walked, packed, hashed, compressed and hashed again in one pass. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Digest, DiffId } from "../base/digest.ts";
import { fromWire, StorageError } from "../base/errors.ts";
import type { Usage } from "../extract/staged-layer.ts";
import { Control } from "../layer/control.ts";
import { chooseDigestEngine } from "../layer/digest-engine.ts";
import type { DigestEngine } from "../layer/tasks.ts";
import { layerTypeFor } from "../oci/media-type.ts";
import { coreModule } from "../wasm/core.ts";
import type { LayerToCreate, PackReply, PackTask } from "./tasks.ts";

export type { LayerToCreate } from "./tasks.ts";

export interface CreateOptions {
  readonly signal?: AbortSignal | undefined;
  /** Which SHA-256; measured once a process by default. */
  readonly engine?: DigestEngine | undefined;
  /** Threads that work on it; as many as there are processors by default, and four at most. */
  readonly threads?: number | undefined;
}

export interface CreatedLayer {
  readonly diffId: DiffId;
  /** Of the blob; the diffID when it is not compressed. */
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
  readonly mediaType: string;
  /** Entries of the tar: 0 for a container that changed nothing. */
  readonly changes: number;
  /** What the layer takes when it is extracted. */
  readonly usage: Usage;
  /** What could not be kept, for people. */
  readonly warnings: readonly string[];
}

/**
 * Packs what `order.kind` has changed. The same changes give the same bytes, on any number of threads; only zstd's also
 * depend on the version of Node. Memory is a few blocks a thread.
 * @throws {StorageError} ERR_FAILED_PRECONDITION for an upper directory whose meaning is elsewhere (overlay's redirect
 * and metacopy); ERR_INVALID_ARGUMENT for a name that begins with `.wh.`; ERR_RESOURCE_EXHAUSTED for a full disk;
 * ERR_INTERNAL when the thread died; the signal's reason.
 */
export async function createLayer(order: LayerToCreate, options: CreateOptions = {}): Promise<CreatedLayer> {
  const { signal } = options;
  signal?.throwIfAborted();
  const control = new Control();
  const cancel = (): void => {
    control.cancel();
  };
  signal?.addEventListener("abort", cancel);
  try {
    const reply = await runThread({
      order,
      engine: options.engine ?? (measuredEngine ??= chooseDigestEngine("auto").engine),
      threads: options.threads ?? availableParallelism(),
      control: control.buffer,
      core: coreModule(),
    });
    if (reply.ok) return { ...reply.layer, mediaType: layerTypeFor(order.compression) };
    signal?.throwIfAborted();
    throw fromWire(reply.error);
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

let measuredEngine: DigestEngine | undefined;

const workerFile = new URL(import.meta.url.endsWith(".ts") ? "pack.worker.ts" : "pack.worker.js", import.meta.url);

async function runThread(task: PackTask): Promise<PackReply> {
  const worker = new Worker(workerFile, { name: "pack", workerData: task });
  const died = (cause?: unknown): StorageError =>
    new StorageError("ERR_INTERNAL", `cannot create ${task.order.what}: its thread died`, { cause });
  try {
    return await new Promise<PackReply>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", (error) => {
        reject(died(error));
      });
      worker.once("exit", () => {
        reject(died());
      });
    });
  } finally {
    await worker.terminate();
  }
}
