/** Reading directories that their own owner may not read. */
import { isErrno, StorageError } from "../base/errors.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from "./constants.ts";
import { AT_FDCWD, fchmod, fchmodat, fstatat, openat, openat2, type PathLike, type Stat } from "./linux.ts";

const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/**
 * Opens the directories of a tree on the way down. Without the privilege to read everything, a directory that its owner
 * may not read and search is lent these permissions, until {@link takeBack} on the way up.
 */
export class ModeLender {
  readonly lends: boolean;
  /** The directories on the way, as they were before anything was lent. */
  readonly #stats: Stat[] = [];

  constructor(lends: boolean) {
    this.lends = lends;
  }

  /** Of the directory opened last and not taken back, with its own mode. */
  get stat(): Stat {
    const stat = this.#stats.at(-1);
    if (stat === undefined) throw new RangeError("no directory is open");
    return stat;
  }

  openRoot(path: PathLike): number {
    return this.#lendAndOpen(AT_FDCWD, path, () => openat(AT_FDCWD, path, flags));
  }

  /** @throws {StorageError} ERR_FAILED_PRECONDITION for a mount point. */
  readonly open = (parentFd: number, name: Buffer): number =>
    this.#lendAndOpen(parentFd, name, () => {
      try {
        return openat2(parentFd, name, { flags, resolve: RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS });
      } catch (error) {
        if (!isErrno(error, "EXDEV")) throw error;
        throw new StorageError("ERR_FAILED_PRECONDITION", "it holds a mount point: unmount it first");
      }
    });

  /** Gives the directory opened last its own mode back; `fd` is of it. */
  takeBack(fd: number): void {
    const stat = this.#stats.pop();
    if (stat !== undefined && this.#isLent(stat)) fchmod(fd, stat.mode & 0o7777);
  }

  #lendAndOpen(parentFd: number, name: PathLike, open: () => number): number {
    const stat = fstatat(parentFd, name);
    const isLent = this.#isLent(stat);
    if (isLent) fchmodat(parentFd, name, (stat.mode & 0o7777) | 0o500);
    try {
      const fd = open();
      this.#stats.push(stat);
      return fd;
    } catch (error) {
      if (isLent) fchmodat(parentFd, name, stat.mode & 0o7777);
      throw error;
    }
  }

  #isLent(stat: Stat): boolean {
    return this.lends && (stat.mode & 0o500) !== 0o500;
  }
}
