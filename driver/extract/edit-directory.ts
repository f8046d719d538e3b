/** Changing what a directory holds while the directory itself stays as it was. */
import { chmodSync } from "node:fs";
import { isErrno } from "../base/errors.ts";
import type { RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "../sys/constants.ts";
import { closeFd, fchmod, fstat, utimensat } from "../sys/linux.ts";
import { openBeneath } from "./beneath.ts";

const ownerAll = 0o700;

/** Opens a directory below `rootFd` for reading; its owner may, whatever its mode says. */
export function openDirectory(rootFd: number, path: RelPath): number {
  try {
    return openBeneath(rootFd, path, O_RDONLY | O_DIRECTORY);
  } catch (error) {
    if (!isErrno(error, "EACCES")) throw error;
  }
  const place = openBeneath(rootFd, path, O_PATH | O_DIRECTORY);
  const mode = fstat(place).mode & 0o7777;
  try {
    chmodSync(`/proc/self/fd/${place}`, mode | ownerAll);
    return openBeneath(rootFd, path, O_RDONLY | O_DIRECTORY);
  } finally {
    chmodSync(`/proc/self/fd/${place}`, mode);
    closeFd(place);
  }
}

/** Runs `change` on the directory's descriptor, then puts its mode and times back. */
export function editDirectory(rootFd: number, path: RelPath, change: (fd: number) => void): void {
  const fd = openDirectory(rootFd, path);
  try {
    const before = fstat(fd);
    const isClosed = (before.mode & ownerAll) !== ownerAll;
    if (isClosed) fchmod(fd, (before.mode & 0o7777) | ownerAll);
    change(fd);
    if (isClosed) fchmod(fd, before.mode & 0o7777);
    utimensat(fd, null, before.atimeNs, before.mtimeNs);
  } finally {
    closeFd(fd);
  }
}
