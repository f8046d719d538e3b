/** Reaching files below a directory by paths that must hold no symlink: what a path resolves to cannot leave the tree. */
import { isErrno } from "../base/errors.ts";
import { bytesOf, type RelPath } from "../base/path-bytes.ts";
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "../sys/constants.ts";
import { closeFd, fstat, openat2, type PathLike, type Stat } from "../sys/linux.ts";

const strictly = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

/** The kernel takes paths of at most 4095 bytes. */
export const maxPathBytes = 4095;

/** A latin1 path as system calls take it; "" is the directory itself. */
export function syscallPath(path: string): PathLike {
  if (path === "") return ".";
  return /^[\x00-\x7f]*$/.test(path) ? path : bytesOf(path);
}

/** Opens a path relative to `rootFd`. A symlink anywhere is ELOOP, unless it is last and `flags` has O_PATH. */
export function openBeneath(rootFd: number, path: RelPath | string, flags: number): number {
  return openat2(rootFd, syscallPath(path), { flags: flags | O_NOFOLLOW, resolve: strictly });
}

/** Undefined where nothing is, or only something that is no directory leads there. */
export function statBeneath(rootFd: number, path: RelPath): Stat | undefined {
  let fd: number;
  try {
    fd = openBeneath(rootFd, path, O_PATH);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
  try {
    return fstat(fd);
  } finally {
    closeFd(fd);
  }
}

/** Runs `use` on an O_PATH descriptor of a directory. */
export function withDirectory<T>(rootFd: number, path: RelPath, use: (fd: number) => T): T {
  const fd = openBeneath(rootFd, path, O_PATH | O_DIRECTORY);
  try {
    return use(fd);
  } finally {
    closeFd(fd);
  }
}
