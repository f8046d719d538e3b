/** Entry of a pool thread. Each layer gets an instance of its own, so that one that fails leaves no state behind. */
import { asStorageError, toWire } from "../base/errors.ts";
import { createCore } from "../wasm/core.ts";
import { applyLayer } from "./apply-layer.ts";
import type { ApplyReply, ApplyTask } from "./tasks.ts";

export async function apply(task: ApplyTask): Promise<ApplyReply> {
  try {
    return { ok: true, layer: await applyLayer(task, createCore(task.core)) };
  } catch (error) {
    return { ok: false, error: toWire(asStorageError(error, `cannot apply ${task.what}`)) };
  }
}
