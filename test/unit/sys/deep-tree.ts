import { O_DIRECTORY } from "../../../driver/sys/constants.ts";
import * as linux from "../../../driver/sys/linux.ts";

/** Makes `depth` directories named `name`, one in the other, below `dirfd`; `atBottom` runs in the last. */
export function makeDeep(dirfd: number, name: string, depth: number, atBottom?: (fd: number) => void): void {
  let fd = linux.openat(dirfd, ".", O_DIRECTORY);
  for (let level = 0; level < depth; level++) {
    linux.mkdirat(fd, name, 0o755);
    const child = linux.openat(fd, name, O_DIRECTORY);
    linux.closeFd(fd);
    fd = child;
  }
  atBottom?.(fd);
  linux.closeFd(fd);
}

/** How many directories `name` are one in the other; `atBottom` runs in the last. */
export function depthOf(dirfd: number, name: string, atBottom?: (fd: number) => void): number {
  let fd = linux.openat(dirfd, ".", O_DIRECTORY);
  for (let depth = 0; ; depth++) {
    if (linux.tryFstatat(fd, name) === undefined) {
      atBottom?.(fd);
      linux.closeFd(fd);
      return depth;
    }
    const child = linux.openat(fd, name, O_DIRECTORY);
    linux.closeFd(fd);
    fd = child;
  }
}

export function openDescriptors(): number {
  const fd = linux.openat(linux.AT_FDCWD, "/proc/self/fd", O_DIRECTORY);
  const count = linux.readdir(fd).length;
  linux.closeFd(fd);
  return count;
}
