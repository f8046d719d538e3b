/** Entry of a pool thread. Each layer gets an instance of its own, so that one that fails leaves no state behind. */
import { asStorageError, toWire } from "../base/errors.ts";
import { createCore } from "../wasm/core.ts";
import { applyLayer } from "./apply-layer.ts";
import { applyLayerOnto } from "./apply-onto.ts";
import type { AppliedLayer, ApplyOntoTask, ApplyReply, ApplyTask } from "./tasks.ts";

export function apply(task: ApplyTask): Promise<ApplyReply> {
  return reply(task, () => applyLayer(task, createCore(task.core)));
}

export function applyOnto(task: ApplyOntoTask): Promise<ApplyReply> {
  return reply(task, () => applyLayerOnto(task));
}

async function reply({ what }: ApplyTask, work: () => Promise<AppliedLayer>): Promise<ApplyReply> {
  try {
    return { ok: true, layer: await work() };
  } catch (error) {
    return { ok: false, error: toWire(asStorageError(error, `cannot apply ${what}`)) };
  }
}
