/** Entry of a thread that reads and proves a layer for another that lays it down. */
import { asStorageError } from "../base/errors.ts";
import { createCore } from "../wasm/core.ts";
import { Control } from "./control.ts";
import { readLayer } from "./read-layer.ts";
import { replyOf } from "./reply.ts";
import { TarRing } from "./tar-ring.ts";
import type { ReadLayer, ReadTask, Reply } from "./tasks.ts";

export interface ReadAheadTask extends ReadTask {
  readonly ring: SharedArrayBuffer;
}

export function readAhead(task: ReadAheadTask): Promise<Reply<ReadLayer>> {
  return replyOf(task.what, async () => {
    const ring = new TarRing(task.ring);
    const control = new Control(task.control);
    const check = (): void => {
      control.throwIfCanceled(task.what);
    };
    try {
      const push = (bytes: Uint8Array): void => {
        ring.write(bytes, check);
      };
      const read = await readLayer(task, createCore(task.core), { push, end: () => undefined });
      ring.end(read);
      return read;
    } catch (error) {
      ring.stop(asStorageError(error).code);
      throw error;
    }
  });
}
