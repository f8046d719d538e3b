/** Changing what a directory holds while the directory itself stays as it was. */
import { chmodSync } from "node:fs";
import { isErrno } from "../base/errors.ts";
import type { RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "../sys/constants.ts";
import { closeFd, fchmod, fstat, utimensat } from "../sys/linux.ts";
import { openBeneath } from "./beneath.ts";

const ownerAll = 0o700;

/**
 * Opens a directory below `rootFd` for reading, for its owner whatever its mode says: a mode that forbids reading or
 * writing is widened, and narrowed again only by {@link editDirectory}.
 */
export function openDirectory(rootFd: number, path: RelPath): number {
  try {
    return openBeneath(rootFd, path, O_RDONLY | O_DIRECTORY);
  } catch (error) {
    if (!isErrno(error, "EACCES")) throw error;
  }
  const place = openBeneath(rootFd, path, O_PATH | O_DIRECTORY);
  try {
    chmodSync(`/proc/self/fd/${place}`, (fstat(place).mode & 0o7777) | ownerAll);
  } finally {
    closeFd(place);
  }
  return openBeneath(rootFd, path, O_RDONLY | O_DIRECTORY);
}

/** Runs `change` on the directory's descriptor, then puts its mode and times back. */
export function editDirectory(rootFd: number, path: RelPath, change: (fd: number) => void): void {
  const place = openBeneath(rootFd, path, O_PATH | O_DIRECTORY);
  let fd: number | undefined;
  try {
    const before = fstat(place);
    fd = openDirectory(rootFd, path);
    if ((before.mode & ownerAll) !== ownerAll) fchmod(fd, (before.mode & 0o7777) | ownerAll);
    change(fd);
    if ((before.mode & ownerAll) !== ownerAll) fchmod(fd, before.mode & 0o7777);
    utimensat(fd, null, before.atimeNs, before.mtimeNs);
  } finally {
    closeFd(place);
    if (fd !== undefined) closeFd(fd);
  }
}
