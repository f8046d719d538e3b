/** Extended attributes, of open files and of names in open directories. Values are bytes, names latin1 strings. */
import { Buffer } from "node:buffer";
import { addon } from "./addon.ts";
import { AT_FDCWD } from "./constants.ts";
import { check, EINVAL, ENODATA, EOPNOTSUPP, systemCallError } from "./errno.ts";
import { pathBelow, type PathLike } from "./path-like.ts";

/** XATTR_SIZE_MAX and XATTR_LIST_MAX of include/uapi/linux/limits.h: nothing is longer. */
const scratch: Buffer = Buffer.allocUnsafeSlow(65536);

/** The value, or undefined where the file has no such attribute or its file system has none. */
export function fgetxattr(fd: number, name: string): Buffer | undefined {
  return valueOf(addon.fgetxattr(fd, latin1(name), scratch), "fgetxattr", name);
}

export function fsetxattr(fd: number, name: string, value: Uint8Array, flags = 0): void {
  check(addon.fsetxattr(fd, latin1(name), value, flags), "fsetxattr", name);
}

export function fremovexattr(fd: number, name: string): void {
  check(addon.fremovexattr(fd, latin1(name)), "fremovexattr", name);
}

/** The names; none where the file system has no attributes. */
export function flistxattr(fd: number): string[] {
  return namesOf(addon.flistxattr(fd, scratch), "flistxattr", null);
}

/** As {@link fgetxattr}, of `path` in a directory; the last component is not followed. Needs /proc. */
export function getxattrat(dirfd: number, path: PathLike, name: string): Buffer | undefined {
  return valueOf(addon.lgetxattr(procPath(dirfd, path), latin1(name), scratch), "getxattrat", path);
}

export function setxattrat(dirfd: number, path: PathLike, name: string, value: Uint8Array, flags = 0): void {
  check(addon.lsetxattr(procPath(dirfd, path), latin1(name), value, flags), "setxattrat", path);
}

export function removexattrat(dirfd: number, path: PathLike, name: string): void {
  check(addon.lremovexattr(procPath(dirfd, path), latin1(name)), "removexattrat", path);
}

export function listxattrat(dirfd: number, path: PathLike): string[] {
  return namesOf(addon.llistxattr(procPath(dirfd, path), scratch), "listxattrat", path);
}

function valueOf(result: number, syscall: string, path: PathLike): Buffer | undefined {
  if (result === -ENODATA || result === -EOPNOTSUPP) return undefined;
  check(result, syscall, path);
  return Buffer.from(scratch.subarray(0, result));
}

function namesOf(result: number, syscall: string, path: PathLike | null): string[] {
  if (result === -EOPNOTSUPP || result === 0) return [];
  check(result, syscall, path);
  return scratch.toString("latin1", 0, result - 1).split("\0");
}

/** Names are nearly always ASCII, which is the same in UTF-8. */
function latin1(name: string): PathLike {
  return /^[\x00-\x7f]*$/.test(name) ? name : Buffer.from(name, "latin1");
}

/** `path` below the open directory, as a path: setxattrat(2) is younger than the kernels this runs on. */
function procPath(dirfd: number, path: PathLike): PathLike {
  if (path.length === 0) throw systemCallError(-EINVAL, "getxattrat", path);
  if (dirfd === AT_FDCWD || path[0] === "/" || path[0] === 0x2f) return path;
  return pathBelow(dirfd, path);
}
