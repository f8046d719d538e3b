/** Entry of the thread that makes one layer. */
import { parentPort, workerData } from "node:worker_threads";
import { toWire } from "../base/errors.ts";
import { Control } from "../layer/control.ts";
import { createHasher } from "../layer/digest-engine.ts";
import { inContext } from "../sys/in-context.ts";
import { detectPrivileges, rootStandIn } from "../sys/privileges.ts";
import { createCore } from "../wasm/core.ts";
import { BlobWriter, type BlobFacts } from "./blob-writer.ts";
import { packLayer, type Packed } from "./pack-layer.ts";
import type { PackReply, PackTask } from "./tasks.ts";
import { walkChanges } from "./walk-changes.ts";

const nanosPerSecond = 1_000_000_000n;

async function pack({ order, engine, threads, control: buffer, core: module }: PackTask): Promise<BlobFacts & Packed> {
  const control = new Control(buffer);
  const privileges = detectPrivileges();
  const core = createCore(module);
  const throwIfCanceled = (): void => {
    control.throwIfCanceled(order.what);
  };
  await using blob = new BlobWriter(order.ingestPath, {
    compression: order.compression,
    threads,
    createHasher: () => createHasher(engine, core),
    throwIfCanceled,
  });
  const epoch = order.sourceDateEpoch ?? null;
  const packed = await packLayer(walkChanges(order.kind, privileges, throwIfCanceled), blob, {
    overlayXattr: order.kind.type === "trees" ? null : privileges.overlayXattr,
    latestMtimeNs: epoch === null ? null : epoch * nanosPerSecond,
    standIn: rootStandIn(privileges),
  });
  return { ...(await blob.finish()), ...packed };
}

async function reply(task: PackTask): Promise<PackReply> {
  try {
    return { ok: true, layer: await pack(task) };
  } catch (error) {
    return { ok: false, error: toWire(inContext(error, `cannot create ${task.order.what}`)) };
  }
}

parentPort?.postMessage(await reply(workerData as PackTask));
