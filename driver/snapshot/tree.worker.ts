/** Entry of the thread that does for a snapshotter what takes long and blocks: deleting trees, and syncing. */
import { parentPort } from "node:worker_threads";
import { toWire } from "../base/errors.ts";
import { removeWithMounts } from "./remove-with-mounts.ts";
import { syncFileSystem } from "./sync-file-system.ts";
import type { TreeReply, TreeTask } from "./tree-thread.ts";

parentPort?.on("message", ({ id, kind, path }: TreeTask & { id: number }) => {
  let error: TreeReply["error"] = null;
  try {
    if (kind === "remove") removeWithMounts(path);
    else syncFileSystem(path);
  } catch (thrown) {
    error = toWire(thrown);
  }
  parentPort?.postMessage({ id, error } satisfies TreeReply);
});
