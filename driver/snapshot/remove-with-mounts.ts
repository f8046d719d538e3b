import { hasCode } from "../base/errors.ts";
import { unmountBelow } from "../mount/perform.ts";
import { removeTree } from "../sys/remove-tree.ts";

/** Removes a tree of the staging area. A process that was killed may have left its mounts in what it was making. */
export function removeWithMounts(path: string): void {
  try {
    removeTree(path);
  } catch (error) {
    if (!hasCode(error, "ERR_FAILED_PRECONDITION") || !unmountBelow(path)) throw error;
    removeTree(path);
  }
}
