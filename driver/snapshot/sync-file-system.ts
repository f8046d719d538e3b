/** One syncfs(2) for the file system that a path is on. */
import { AT_FDCWD, O_DIRECTORY } from "../sys/constants.ts";
import { closeFd, openat, syncfs } from "../sys/linux.ts";

/** Returns when everything written to the file system of the directory `path` before the call is on its disk. */
export function syncFileSystem(path: string): void {
  const fd = openat(AT_FDCWD, path, O_DIRECTORY);
  try {
    syncfs(fd);
  } finally {
    closeFd(fd);
  }
}
