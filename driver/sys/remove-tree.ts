/** Removing a directory tree whatever it holds. */
import { posix } from "node:path";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import { bytesOf, latin1Of, shownPath } from "../base/path-bytes.ts";
import {
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  S_ISDIR,
} from "./constants.ts";
import { DirStack } from "./dir-stack.ts";
import { inContext } from "./in-context.ts";
import {
  AT_FDCWD,
  closeFd,
  fchmod,
  fchmodat,
  fstat,
  openat,
  openat2,
  readdir,
  tryFstatat,
  unlinkat,
  type DirEntry,
  type PathLike,
} from "./linux.ts";

/** How often directories may fill up again while they are being removed. */
const maxRefills = 100;

/**
 * Removes `path` and all below it; nothing there is fine. Symlinks are removed, not followed; names are any bytes;
 * depth is not limited by stack or descriptors. Directories that their owner may not read or write are made so first,
 * so no privilege is needed for one's own files. A mount in the tree is not entered; part of the tree is gone by then.
 * @throws {StorageError} ERR_FAILED_PRECONDITION for a mount; ERR_PERMISSION_DENIED and others by errno.
 */
export function removeTree(path: PathLike): void {
  const text = latin1Of(typeof path === "string" ? Buffer.from(path) : path);
  const name = posix.basename(text);
  if (name === "" || name === "." || name === "..") {
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot remove ${shownPath(text)}: it must end in a name`);
  }
  try {
    const parentFd = openat(AT_FDCWD, bytesOf(posix.dirname(text)), O_PATH | O_DIRECTORY);
    using stack = new DirStack(parentFd, openForRemoval);
    removeBelow(stack, name, text);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return;
    throw asStorageError(error, `cannot remove ${shownPath(text)}`);
  }
}

/** Removes the entry `root` of the stack's root; `shown` is what messages call it. */
function removeBelow(stack: DirStack, root: string, shown: string): void {
  /** Directories still to remove, of each directory on the way to the current one. */
  const pending: string[][] = [directoriesAfterUnlinking(stack.fd, [{ name: root, type: "unknown" }])];
  let refills = 0;
  try {
    for (;;) {
      const names = pending.at(-1) ?? [];
      const next = names.pop();
      if (next !== undefined) {
        if (tryEnter(stack, next)) pending.push(directoriesAfterUnlinking(stack.fd, readdir(stack.fd)));
        continue;
      }
      if (stack.depth === 0) return;
      pending.pop();
      const left = stack.leave();
      if (!tryRemoveDirectory(stack.fd, left)) {
        if (++refills > maxRefills) throw new StorageError("ERR_ABORTED", "files keep being added");
        pending.at(-1)?.push(left);
      }
    }
  } catch (error) {
    const below = stack.path.slice(root.length);
    throw inContext(error, `cannot remove from ${shownPath(shown + below)}`);
  }
}

function directoriesAfterUnlinking(fd: number, entries: readonly DirEntry[]): string[] {
  const directories: string[] = [];
  for (const { name, type } of entries) {
    if (type === "directory" || (type === "unknown" && isDirectory(fd, name))) {
      directories.push(name);
    } else {
      tryUnlink(fd, name);
    }
  }
  return directories;
}

function isDirectory(fd: number, name: string): boolean {
  const stat = tryFstatat(fd, bytesOf(name));
  return stat !== undefined && S_ISDIR(stat.mode);
}

function tryUnlink(fd: number, name: string): void {
  try {
    unlinkat(fd, bytesOf(name));
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/** False when files have been added since it was emptied. */
function tryRemoveDirectory(fd: number, name: string): boolean {
  try {
    unlinkat(fd, bytesOf(name), AT_REMOVEDIR);
  } catch (error) {
    if (isErrno(error, "ENOTEMPTY", "EEXIST")) return false;
    if (!isErrno(error, "ENOENT")) throw error;
  }
  return true;
}

/** False when it is gone, or was no directory any more and has been unlinked. */
function tryEnter(stack: DirStack, name: string): boolean {
  try {
    stack.enter(name);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    if (isErrno(error, "ENOTDIR", "ELOOP")) {
      tryUnlink(stack.fd, name);
      return false;
    }
    if (isErrno(error, "EXDEV")) {
      throw new StorageError("ERR_FAILED_PRECONDITION", `${shownPath(name)} is a mount point: unmount it first`);
    }
    throw error;
  }
}

/** Readable, writable and searchable for its owner from here on. */
function openForRemoval(parentFd: number, name: Buffer): number {
  const how = { flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, resolve: RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };
  let fd: number;
  try {
    fd = openat2(parentFd, name, how);
  } catch (error) {
    if (!isErrno(error, "EACCES")) throw error;
    fchmodat(parentFd, name, 0o700);
    fd = openat2(parentFd, name, how);
  }
  try {
    const { mode } = fstat(fd);
    if ((mode & 0o700) !== 0o700) tryMakeUsable(fd, mode);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function tryMakeUsable(fd: number, mode: number): void {
  try {
    fchmod(fd, (mode & 0o7777) | 0o700);
  } catch (error) {
    // Another's directory: it may serve as it is.
    if (!isErrno(error, "EPERM", "EROFS")) throw error;
  }
}
