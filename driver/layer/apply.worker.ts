/** Entry of a pool thread. One layer at a time, on this thread's own WebAssembly instance. */
import { toWire } from "../base/errors.ts";
import { type Core, createCore } from "../wasm/core.ts";
import { applyLayer } from "./apply-layer.ts";
import type { ApplyReply, ApplyTask } from "./tasks.ts";

let core: Core | undefined;

export async function apply(task: ApplyTask): Promise<ApplyReply> {
  try {
    core ??= createCore();
    return { ok: true, layer: await applyLayer(task, core) };
  } catch (error) {
    return { ok: false, error: toWire(error) };
  }
}
