/** Entry of a pool thread. Each layer gets an instance of its own, so that one that fails leaves no state behind. */
import { createCore } from "../wasm/core.ts";
import { applyLayer } from "./apply-layer.ts";
import { applyLayerOnto } from "./apply-onto.ts";
import { replyOf } from "./reply.ts";
import type { AppliedLayer, ApplyOntoTask, ApplyTask, Reply } from "./tasks.ts";

export function apply(task: ApplyTask): Promise<Reply<AppliedLayer>> {
  return replyOf(task.what, () => applyLayer(task, createCore(task.core)));
}

export function applyOnto(task: ApplyOntoTask): Promise<Reply<AppliedLayer>> {
  return replyOf(task.what, () => applyLayerOnto(task));
}
