/**
 * Linux system calls that node:fs lacks, thin and typed; this folder owns all that talks to the kernel past Node.
 *
 * Everything is synchronous and works from directory descriptors. A failed call throws an Error of node:fs's shape:
 * `.code` "ENOENT", `.errno`, `.syscall`, `.path`. Every descriptor made here is close-on-exec, and the caller closes
 * it. Names are bytes: a string is taken as UTF-8, a Uint8Array as it is.
 */
import { Buffer } from "node:buffer";
import { addon } from "./addon.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_NOFOLLOW, O_PATH, S_ISLNK } from "./constants.ts";
import { check, EAGAIN, ENOSYS, EOPNOTSUPP, systemCallError } from "./errno.ts";
import type { PathLike } from "./path-like.ts";
import { fstat } from "./stat.ts";

export { AT_FDCWD } from "./constants.ts";
export { fstat, fstatat, tryFstatat, type Stat } from "./stat.ts";
export { readdir, type DirEntry, type FileType } from "./readdir.ts";
export {
  fgetxattr,
  flistxattr,
  fremovexattr,
  fsetxattr,
  getxattrat,
  listxattrat,
  removexattrat,
  setxattrat,
} from "./xattr.ts";
export {
  fsconfigCreate,
  fsconfigFd,
  fsconfigFlag,
  fsconfigReconfigure,
  fsconfigString,
  fsmount,
  fsopen,
  mount,
  moveMount,
  openTree,
  umount2,
} from "./mount-calls.ts";
export { copyFileRange, fallocate, ficlone, lseek, pwriteAll, writeAll } from "./data-calls.ts";
export type { SystemCallError } from "./errno.ts";
export type { PathLike } from "./path-like.ts";

export interface OpenHow {
  readonly flags: number;
  readonly mode?: number;
  /** RESOLVE_* flags. */
  readonly resolve: number;
}

export function openat(dirfd: number, path: PathLike, flags: number, mode = 0): number {
  return check(addon.openat(dirfd, path, flags | O_CLOEXEC, mode), "openat", path);
}

/** Needs Linux 5.6. Unlike openat it refuses unknown flags, and a mode without O_CREAT or O_TMPFILE. */
export function openat2(dirfd: number, path: PathLike, how: OpenHow): number {
  return check(addon.openat2(dirfd, path, how.flags | O_CLOEXEC, how.mode ?? 0, how.resolve), "openat2", path);
}

export function closeFd(fd: number): void {
  check(addon.close(fd), "close");
}

export function mkdirat(dirfd: number, path: PathLike, mode: number): void {
  check(addon.mkdirat(dirfd, path, mode), "mkdirat", path);
}

/** `mode` with the S_IF* bits of the type. */
export function mknodat(dirfd: number, path: PathLike, mode: number, major = 0, minor = 0): void {
  check(addon.mknodat(dirfd, path, mode, major, minor), "mknodat", path);
}

/** The last component of `oldPath` is not followed, unless `flags` has AT_SYMLINK_FOLLOW. */
export function linkat(oldDirfd: number, oldPath: PathLike, newDirfd: number, newPath: PathLike, flags = 0): void {
  check(addon.linkat(oldDirfd, oldPath, newDirfd, newPath, flags), "linkat", newPath);
}

export function symlinkat(target: PathLike, dirfd: number, path: PathLike): void {
  check(addon.symlinkat(target, dirfd, path), "symlinkat", path);
}

/** "" as `path` reads the symlink that `dirfd` is (opened with O_PATH | O_NOFOLLOW). */
export function readlinkat(dirfd: number, path: PathLike): Buffer {
  const target = Buffer.allocUnsafe(4096);
  return target.subarray(0, check(addon.readlinkat(dirfd, path, target), "readlinkat", path));
}

export function renameat2(oldDirfd: number, oldPath: PathLike, newDirfd: number, newPath: PathLike, flags = 0): void {
  check(addon.renameat2(oldDirfd, oldPath, newDirfd, newPath, flags), "renameat2", oldPath);
}

/** AT_REMOVEDIR as `flags` for an empty directory. */
export function unlinkat(dirfd: number, path: PathLike, flags = 0): void {
  check(addon.unlinkat(dirfd, path, flags), "unlinkat", path);
}

/** Ids of -1 stay as they are. The kernel takes setuid, setgid and capabilities from a file that is given away. */
export function fchownat(
  dirfd: number,
  path: PathLike,
  uid: number,
  gid: number,
  flags: number = AT_SYMLINK_NOFOLLOW,
): void {
  check(addon.fchownat(dirfd, path, uid, gid, flags), "fchownat", path);
}

export function fchown(fd: number, uid: number, gid: number): void {
  check(addon.fchown(fd, uid, gid), "fchown");
}

export function fchmod(fd: number, mode: number): void {
  check(addon.fchmod(fd, mode), "fchmod");
}

/** Never follows: a symlink, which has no mode to change, gives ENOTSUP. Needs /proc before Linux 6.6. */
export function fchmodat(dirfd: number, path: PathLike, mode: number): void {
  const result = addon.fchmodat2(dirfd, path, mode, AT_SYMLINK_NOFOLLOW);
  if (result !== -ENOSYS) {
    check(result, "fchmodat2", path);
    return;
  }
  fchmodatThroughProc(dirfd, path, mode);
}

/** {@link fchmodat} for kernels without fchmodat2. */
export function fchmodatThroughProc(dirfd: number, path: PathLike, mode: number): void {
  const fd = openat(dirfd, path, O_PATH | O_NOFOLLOW);
  try {
    if (S_ISLNK(fstat(fd).mode)) throw systemCallError(-EOPNOTSUPP, "fchmodat", path);
    check(addon.fchmodat(AT_FDCWD, `/proc/self/fd/${fd}`, mode), "fchmodat", path);
  } finally {
    closeFd(fd);
  }
}

/** `path` null sets the times of the file that `dirfd` is. Nanoseconds since 1970, negative before. */
export function utimensat(
  dirfd: number,
  path: PathLike | null,
  atimeNs: bigint,
  mtimeNs: bigint,
  flags: number = AT_SYMLINK_NOFOLLOW,
): void {
  const atimeSeconds = floorSeconds(atimeNs);
  const mtimeSeconds = floorSeconds(mtimeNs);
  const atimeNanos = Number(atimeNs - BigInt(atimeSeconds) * nanosPerSecond);
  const mtimeNanos = Number(mtimeNs - BigInt(mtimeSeconds) * nanosPerSecond);
  // The kernel takes no flags without a path.
  const usedFlags = path === null ? 0 : flags;
  check(addon.utimensat(dirfd, path, atimeSeconds, atimeNanos, mtimeSeconds, mtimeNanos, usedFlags), "utimensat", path);
}

const nanosPerSecond = 1_000_000_000n;

function floorSeconds(ns: bigint): number {
  const seconds = ns / nanosPerSecond;
  return Number(ns < 0n && seconds * nanosPerSecond !== ns ? seconds - 1n : seconds);
}

/** Flushes all of the file system that `fd` is on. */
export function syncfs(fd: number): void {
  check(addon.syncfs(fd), "syncfs");
}

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** False only for a non-blocking try at a lock that another open file holds. Closing the descriptor unlocks. */
export function flockFd(
  fd: number,
  kind: "exclusive" | "shared",
  options: { readonly nonBlocking?: boolean } = {},
): boolean {
  const operation = (kind === "exclusive" ? LOCK_EX : LOCK_SH) | (options.nonBlocking === true ? LOCK_NB : 0);
  const result = addon.flock(fd, operation);
  if (result === -EAGAIN) return false;
  check(result, "flock");
  return true;
}

const clockTime = new Float64Array(2);

/** The time of day in nanoseconds since 1970. */
export function clockRealtimeNs(): bigint {
  check(addon.clockGettime(0, clockTime), "clock_gettime");
  return BigInt(clockTime[0] ?? 0) * nanosPerSecond + BigInt(clockTime[1] ?? 0);
}
