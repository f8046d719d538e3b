/** Copying one file of any type but a directory. */
import { isErrno, StorageError } from "../base/errors.ts";
import { latin1Of, shownPath } from "../base/path-bytes.ts";
import {
  O_CREAT,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  S_IFMT,
  S_ISDIR,
  S_ISLNK,
  S_ISREG,
} from "./constants.ts";
import { copyAttributes, copyAttributesAt, type CopyOptions } from "./copy-attributes.ts";
import { DataCopier } from "./copy-data.ts";
import { inContext } from "./in-context.ts";
import {
  closeFd,
  fchmod,
  fchmodat,
  fstat,
  fstatat,
  mknodat,
  openat,
  readlinkat,
  symlinkat,
  unlinkat,
  type PathLike,
  type Stat,
} from "./linux.ts";

export { copyAttributes, type CopyOptions } from "./copy-attributes.ts";

/**
 * Copies a file, symlink, device, fifo or socket to a name that is free, with owner, mode, times in nanoseconds,
 * extended attributes and holes, as {@link copyAttributes} limits it. Data is shared where the file system can. False
 * when it is a device that this process may not make. Strings are UTF-8: turn names of readdir into bytes first.
 *
 * An ordinary user's file that it may not read itself is given that permission for the moment of opening it.
 * @throws {StorageError} ERR_ALREADY_EXISTS, ERR_NOT_FOUND, ERR_INVALID_ARGUMENT for a directory, others by errno.
 */
export function copyNode(
  srcDirfd: number,
  srcName: PathLike,
  destDirfd: number,
  destName: PathLike,
  options: CopyOptions,
): boolean {
  try {
    const stat = fstatat(srcDirfd, srcName);
    if (S_ISDIR(stat.mode)) throw new StorageError("ERR_INVALID_ARGUMENT", "it is a directory");
    if (!S_ISREG(stat.mode)) return copySpecial(srcDirfd, srcName, destDirfd, destName, options, stat);
    using source = openSource(srcDirfd, srcName);
    copyOpened(source, destDirfd, destName, options, new DataCopier());
    return true;
  } catch (error) {
    throw inContext(error, `cannot copy ${shownPath(latin1Of(Buffer.from(srcName)))}`);
  }
}

/** A regular file open for reading, with the attributes it had before. Disposing closes it. */
export interface SourceFile extends Disposable {
  readonly fd: number;
  readonly stat: Stat;
}

const sourceFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

/** Never waits for a fifo or follows a symlink. @throws {StorageError} ERR_ABORTED when it is no regular file. */
export function openSource(dirfd: number, name: PathLike): SourceFile {
  let fd: number;
  try {
    fd = openat(dirfd, name, sourceFlags);
  } catch (error) {
    if (!isErrno(error, "EACCES")) throw error;
    return openUnreadable(dirfd, name);
  }
  return sourceFile(fd, fstat(fd), () => {
    closeFd(fd);
  });
}

/** Lends the owner the permission to read until the file is closed. */
function openUnreadable(dirfd: number, name: PathLike): SourceFile {
  const stat = fstatat(dirfd, name);
  const mode = stat.mode & 0o7777;
  fchmodat(dirfd, name, mode | 0o400);
  let fd: number;
  try {
    fd = openat(dirfd, name, sourceFlags);
  } catch (error) {
    fchmodat(dirfd, name, mode);
    throw error;
  }
  return sourceFile(fd, stat, () => {
    try {
      fchmod(fd, mode);
    } finally {
      closeFd(fd);
    }
  });
}

function sourceFile(fd: number, stat: Stat, close: () => void): SourceFile {
  if (S_ISREG(stat.mode)) return { fd, stat, [Symbol.dispose]: close };
  close();
  throw new StorageError("ERR_ABORTED", "it was replaced meanwhile");
}

/** Fills a new file with data and attributes; removes it again when that fails. */
export function copyOpened(
  source: SourceFile,
  destDirfd: number,
  destName: PathLike,
  options: CopyOptions,
  copier: DataCopier,
): void {
  const fd = openat(destDirfd, destName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    copier.copy(source.fd, fd, source.stat);
    copyAttributes(source.fd, fd, options, source.stat);
  } catch (error) {
    unlinkat(destDirfd, destName);
    throw error;
  } finally {
    closeFd(fd);
  }
}

/** False when it is a device that this process may not make. */
export function copySpecial(
  srcDirfd: number,
  srcName: PathLike,
  destDirfd: number,
  destName: PathLike,
  options: CopyOptions,
  stat: Stat,
): boolean {
  if (S_ISLNK(stat.mode)) {
    symlinkat(readlinkat(srcDirfd, srcName), destDirfd, destName);
  } else {
    try {
      mknodat(destDirfd, destName, (stat.mode & S_IFMT) | 0o600, stat.rdevMajor, stat.rdevMinor);
    } catch (error) {
      if (!options.privileges.canMknod && isErrno(error, "EPERM")) return false;
      throw error;
    }
  }
  copyAttributesAt(srcDirfd, srcName, destDirfd, destName, options, stat);
  return true;
}
