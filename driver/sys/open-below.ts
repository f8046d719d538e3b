/** Reaching a place in a tree from its root, however long the path. */
import { bytesOf, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_PATH, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from "./constants.ts";
import { closeFd, openat2 } from "./linux.ts";

const how = { flags: O_PATH | O_DIRECTORY, resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
/** The kernel takes paths below 4096 bytes at once. */
const maxPartBytes = 4000;

/** A new O_PATH descriptor of the directory `path` below `rootFd`. No symlink is followed. */
export function openBelow(rootFd: number, path: RelPath): number {
  if (path.length <= maxPartBytes) return openat2(rootFd, path === "" ? "." : bytesOf(path), how);
  let fd = -1;
  for (let start = 0; start < path.length;) {
    const limit = start + maxPartBytes;
    const end = limit >= path.length ? path.length : path.lastIndexOf("/", limit);
    const parent = fd;
    try {
      fd = openat2(parent < 0 ? rootFd : parent, bytesOf(path.slice(start, end)), how);
    } finally {
      if (parent >= 0) closeFd(parent);
    }
    start = end + 1;
  }
  return fd;
}
