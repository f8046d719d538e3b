/** Copying a whole directory tree. */
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import { bytesOf, joinPath, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  S_ISREG,
} from "./constants.ts";
import { copyAttributes, type CopyOptions } from "./copy-attributes.ts";
import { DataCopier } from "./copy-data.ts";
import { copyOpened, copySpecial, openSource } from "./copy-file.ts";
import { DirStack } from "./dir-stack.ts";
import {
  AT_FDCWD,
  closeFd,
  fchmod,
  fchmodat,
  flockFd,
  fstat,
  fstatat,
  linkat,
  mkdirat,
  openat,
  openat2,
  readdir,
  type DirEntry,
  type PathLike,
  type Stat,
} from "./linux.ts";

const directoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/**
 * Copies all of `srcDir` into `destDir`, which is made when missing: data with holes, owners, modes, times of files
 * and directories, extended attributes, devices, and hard links among the files of the tree. Limits are those of
 * copyNode: devices that this process may not make are left out. Symlinks are copied, never followed; depth is not
 * limited by stack or descriptors.
 *
 * For an ordinary user, files and directories of its own that it may not read are lent that permission meanwhile;
 * copies of one directory then wait for one another.
 * @throws {StorageError} ERR_FAILED_PRECONDITION for a mount below `srcDir`; ERR_ALREADY_EXISTS for a name that
 *   `destDir` has; others by errno. What was copied before stays.
 */
export function copyTree(srcDir: PathLike, destDir: PathLike, options: CopyOptions): void {
  const shown = `${shown8(srcDir)} to ${shown8(destDir)}`;
  try {
    const lender = new ModeLender(!options.privileges.canChown);
    using source = new DirStack(openat(AT_FDCWD, srcDir, directoryFlags), lender.open);
    if (lender.lends) flockFd(source.fd, "exclusive");
    using dest = new DirStack(openOrMake(destDir), (fd, name) => openat(fd, name, directoryFlags));
    new TreeCopy(source, dest, lender, options).run();
  } catch (error) {
    throw asStorageError(error, `cannot copy ${shown}`);
  }
}

function shown8(path: PathLike): string {
  return shownPath(Buffer.from(path).toString("latin1"));
}

function openOrMake(dir: PathLike): number {
  try {
    mkdirat(AT_FDCWD, dir, 0o700);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
  return openat(AT_FDCWD, dir, directoryFlags);
}

/** Opens directories of the source; lends their owner what it needs to read them and takes it back. */
class ModeLender {
  readonly lends: boolean;
  /** Of the directory opened last, before anything was lent. */
  opened: Stat | undefined;

  constructor(lends: boolean) {
    this.lends = lends;
  }

  readonly open = (parentFd: number, name: Buffer): number => {
    const stat = fstatat(parentFd, name);
    const isLent = this.isLent(stat);
    if (isLent) fchmodat(parentFd, name, (stat.mode & 0o7777) | 0o500);
    try {
      const fd = openat2(parentFd, name, { flags: directoryFlags, resolve: RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS });
      this.opened = stat;
      return fd;
    } catch (error) {
      if (isLent) fchmodat(parentFd, name, stat.mode & 0o7777);
      if (!isErrno(error, "EXDEV")) throw error;
      throw new StorageError("ERR_FAILED_PRECONDITION", "it is a mount point: unmount it first");
    }
  };

  takeBack(fd: number, stat: Stat): void {
    if (this.isLent(stat)) fchmod(fd, stat.mode & 0o7777);
  }

  isLent(stat: Stat): boolean {
    return this.lends && (stat.mode & 0o500) !== 0o500;
  }
}

interface Level {
  readonly stat: Stat;
  readonly directories: string[];
}

class TreeCopy {
  readonly #source: DirStack;
  readonly #dest: DirStack;
  readonly #lender: ModeLender;
  readonly #options: CopyOptions;
  readonly #copier = new DataCopier();
  readonly #levels: Level[] = [];
  /** Where the first copy of an inode with several names is, by its devIno. */
  readonly #linked = new Map<string, { parent: RelPath; name: string }>();
  /** Directories that their owner may not search, whose modes wait until no link needs a way through them. */
  readonly #closed: { path: RelPath; mode: number }[] = [];

  constructor(source: DirStack, dest: DirStack, lender: ModeLender, options: CopyOptions) {
    this.#source = source;
    this.#dest = dest;
    this.#lender = lender;
    this.#options = options;
  }

  run(): void {
    try {
      this.#visit(fstat(this.#source.fd));
      while (this.#levels.length > 0) this.#step();
      this.#closeDirectories();
    } catch (error) {
      const at = this.#source.path;
      this.#unwind();
      throw asStorageError(error, `in ${shownPath(at)}`);
    }
  }

  #step(): void {
    const level = this.#levels.at(-1);
    const next = level?.directories.pop();
    if (level === undefined) return;
    if (next === undefined) {
      this.#finish(level);
      return;
    }
    this.#source.enter(next);
    const stat = this.#lender.opened ?? fstat(this.#source.fd);
    this.#levels.push({ stat, directories: [] });
    mkdirat(this.#dest.fd, bytesOf(next), 0o700);
    this.#dest.enter(next);
    this.#levels.pop();
    this.#visit(stat);
  }

  /** Copies all but the directories of the directory just entered. */
  #visit(stat: Stat): void {
    const level: Level = { stat, directories: [] };
    this.#levels.push(level);
    for (const entry of readdir(this.#source.fd)) {
      if (this.#copyEntry(entry) === "directory") level.directories.push(entry.name);
    }
  }
}
