/**
 * Looking into a container's root file system from outside. Whoever made the image chose every name, link and file in
 * it, so each path is resolved by the kernel within the root, and a file is opened only once it is known to be one:
 * opening a pipe would hang and opening a device may do anything.
 */
import { closeSync, readSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { isErrno } from "../base/errors.ts";
import * as linux from "../sys/linux.ts";
import * as c from "../sys/constants.ts";
import { startFailure } from "./failure.ts";

const resolve = c.RESOLVE_IN_ROOT | c.RESOLVE_NO_MAGICLINKS;
const maxSmallFileBytes = 1024 * 1024;

export class Rootfs implements Disposable {
  readonly #fd: number;
  readonly #path: string;

  /** @param path absolute, of a mounted root file system. */
  constructor(path: string) {
    this.#fd = linux.openat(linux.AT_FDCWD, path, c.O_PATH | c.O_DIRECTORY);
    this.#path = readlinkSync(`/proc/self/fd/${this.#fd}`);
  }

  [Symbol.dispose](): void {
    linux.closeFd(this.#fd);
  }

  /** Of the file at `path`, symlinks followed; undefined where there is none. */
  stat(path: string): linux.Stat | undefined {
    const fd = this.#tryOpen(path, c.O_PATH);
    if (fd === undefined) return undefined;
    try {
      return linux.fstat(fd);
    } finally {
      linux.closeFd(fd);
    }
  }

  /**
   * The text of a regular file of up to 1 MiB; undefined where there is none.
   * @throws {StorageError} ERR_FAILED_PRECONDITION for a longer one or another kind of file.
   */
  readText(path: string): string | undefined {
    const handle = this.#tryOpen(path, c.O_PATH);
    if (handle === undefined) return undefined;
    try {
      if (!c.S_ISREG(linux.fstat(handle).mode)) throw startFailure(`its ${path} is not a regular file`);
      const fd = linux.openat(linux.AT_FDCWD, `/proc/self/fd/${handle}`, c.O_RDONLY | c.O_NONBLOCK | c.O_NOCTTY);
      try {
        const bytes = Buffer.allocUnsafe(maxSmallFileBytes + 1);
        let length = 0;
        for (let count = -1; count !== 0 && length < bytes.length; length += count) {
          count = readSync(fd, bytes, length, bytes.length - length, null);
        }
        if (length > maxSmallFileBytes) throw startFailure(`its ${path} is longer than 1 MiB`);
        return bytes.toString("utf8", 0, length);
      } finally {
        closeSync(fd);
      }
    } finally {
      linux.closeFd(handle);
    }
  }

  /**
   * Makes sure that there is a directory at `path` (absolute, normal), making it and its parents 0755 where missing.
   * Returns where it is, relative to the root, free of symlinks.
   * @throws {StorageError} ERR_FAILED_PRECONDITION where something else is in the way.
   */
  ensureDirectory(path: string): string {
    let prefix = "/";
    for (const name of path.split("/").filter(Boolean)) {
      const parent = prefix;
      prefix = posix.join(prefix, name);
      if (this.stat(prefix) !== undefined) continue;
      this.#within(parent, (fd) => {
        linux.mkdirat(fd, name, 0o755);
        linux.fchmodat(fd, name, 0o755);
      });
    }
    return this.#locate(path, c.O_PATH | c.O_DIRECTORY);
  }

  /** The same for a file, made empty with mode 0644: a place to mount a file on. */
  ensureFile(path: string): string {
    this.ensureDirectory(posix.dirname(path));
    if (this.stat(path) === undefined) {
      this.#within(posix.dirname(path), (fd) => {
        const flags = c.O_WRONLY | c.O_CREAT | c.O_EXCL | c.O_NOFOLLOW;
        linux.closeFd(linux.openat(fd, posix.basename(path), flags, 0o644));
      });
    }
    return this.#locate(path, c.O_PATH);
  }

  #within(path: string, act: (directoryFd: number) => void): void {
    let fd: number | undefined;
    try {
      fd = this.#open(path, c.O_PATH | c.O_DIRECTORY);
      // A place to mount on is no change that the container made: it leaves no trace in the directory's time.
      const { atimeNs, mtimeNs } = linux.fstat(fd);
      act(fd);
      linux.utimensat(linux.AT_FDCWD, `/proc/self/fd/${fd}`, atimeNs, mtimeNs, 0);
    } catch (error) {
      throw inTheWay(path, error);
    } finally {
      if (fd !== undefined) linux.closeFd(fd);
    }
  }

  #locate(path: string, flags: number): string {
    let fd: number | undefined;
    try {
      fd = this.#open(path, flags);
      const found = readlinkSync(`/proc/self/fd/${fd}`);
      return posix.relative(this.#path, found) || ".";
    } catch (error) {
      throw inTheWay(path, error);
    } finally {
      if (fd !== undefined) linux.closeFd(fd);
    }
  }

  #open(path: string, flags: number): number {
    return linux.openat2(this.#fd, path, { flags, resolve });
  }

  #tryOpen(path: string, flags: number): number | undefined {
    try {
      return this.#open(path, flags);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR", "ENAMETOOLONG")) return undefined;
      throw inTheWay(path, error);
    }
  }
}

function inTheWay(path: string, error: unknown): unknown {
  if (isErrno(error, "ENOENT", "EEXIST")) return startFailure(`its ${path} is a link to nowhere`);
  if (isErrno(error, "ENOTDIR")) return startFailure(`its ${path} is not a directory`);
  if (isErrno(error, "ELOOP")) return startFailure(`its ${path} has too many links in its way`);
  return error;
}
