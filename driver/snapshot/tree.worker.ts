/** Entry of the thread that does for a snapshotter what takes long and blocks: deleting, measuring, and syncing. */
import { parentPort } from "node:worker_threads";
import { asStorageError, toWire } from "../base/errors.ts";
import type { Usage } from "../extract/staged-layer.ts";
import { measureGrowth } from "./measure-tree.ts";
import { removeWithMounts } from "./remove-with-mounts.ts";
import { syncFileSystem } from "./sync-file-system.ts";
import type { TreeReply, TreeTask } from "./tree-thread.ts";

parentPort?.on("message", ({ id, ...task }: TreeTask & { id: number }) => {
  let reply: TreeReply;
  try {
    reply = { id, usage: perform(task) };
  } catch (error) {
    const path = task.kind === "measure" ? task.growth.tree : task.path;
    reply = { id, error: toWire(asStorageError(error, `cannot ${task.kind} ${path}`)) };
  }
  parentPort?.postMessage(reply);
});

function perform(task: TreeTask): Usage | null {
  switch (task.kind) {
    case "remove":
      removeWithMounts(task.path);
      return null;
    case "sync":
      syncFileSystem(task.path);
      return null;
    case "measure":
      return measureGrowth(task.growth);
  }
}
