/** Copying a whole directory tree, of any depth, with all that a layer can say about it. */
import { isErrno } from "../base/errors.ts";
import { bytesOf, joinPath, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_ISDIR, S_ISREG } from "./constants.ts";
import { copyAttributes, type CopyOptions } from "./copy-attributes.ts";
import { DataCopier } from "./copy-data.ts";
import { copyOpened, copySpecial, openSource, type SourceFile } from "./copy-file.ts";
import { DirStack } from "./dir-stack.ts";
import {
  AT_FDCWD,
  closeFd,
  fchmod,
  fchmodat,
  flockFd,
  fstatat,
  linkat,
  mkdirat,
  openat,
  readdir,
  type DirEntry,
  type PathLike,
  type Stat,
} from "./linux.ts";
import { inContext } from "./in-context.ts";
import { ModeLender } from "./mode-lender.ts";
import { openBelow } from "./open-below.ts";

export interface CopyTreeOptions extends CopyOptions {
  /**
   * Everything but directories becomes a hard link to the original: for trees that nobody will ever write to. Where a
   * link cannot be made it is a copy all the same.
   */
  readonly share?: boolean;
}

const directoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/**
 * Copies what is in `srcDir`, and its own attributes, into the empty directory `destDir`, which is made when missing.
 * Hard links inside the tree stay links to each other; devices that this process may not make are left out. Symlinks
 * are copied, never followed; depth is not limited by stack or descriptors.
 *
 * An ordinary user lends itself the permission to read what is its own meanwhile; copies of one directory then wait for
 * one another, lest one take what another has lent for the mode.
 * @throws {StorageError} ERR_FAILED_PRECONDITION for a mount below `srcDir`, ERR_ALREADY_EXISTS for a name taken in
 *   `destDir`, others by errno; `destDir` then holds a part of the tree.
 */
export function copyTree(srcDir: PathLike, destDir: PathLike, options: CopyTreeOptions): void {
  try {
    const lender = new ModeLender(!options.privileges.canChown);
    using source = new DirStack(lender.openRoot(srcDir), lender.open);
    try {
      if (lender.lends) flockFd(source.fd, "exclusive");
      using dest = new DirStack(openOrMake(destDir), makeChild);
      new TreeCopy(source, dest, lender, options).run();
    } finally {
      while (source.depth > 0)
        source.leave((fd) => {
          lender.takeBack(fd);
        });
      lender.takeBack(source.fd);
    }
  } catch (error) {
    throw inContext(error, `cannot copy ${shown(srcDir)} to ${shown(destDir)}`);
  }
}

function shown(path: PathLike): string {
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

function makeChild(parentFd: number, name: Buffer): number {
  mkdirat(parentFd, name, 0o700);
  return openat(parentFd, name, directoryFlags);
}

/** A directory being copied: its own entries are, all but the directories that are still to do. */
interface Level {
  readonly path: RelPath;
  readonly stat: Stat;
  readonly directories: string[];
}

/** A name in the copy. */
interface Place {
  readonly parent: RelPath;
  readonly name: Buffer;
}

class TreeCopy {
  readonly #source: DirStack;
  readonly #dest: DirStack;
  readonly #destRootFd: number;
  readonly #lender: ModeLender;
  readonly #options: CopyTreeOptions;
  readonly #data = new DataCopier();
  readonly #levels: Level[] = [];
  /** First copy of each inode that has several names. */
  readonly #copied = new Map<string, Place>();
  /** Directories that their owner may not search: they stay open to it until no link needs a way through them. */
  readonly #searchable: { readonly place: Place; readonly mode: number }[] = [];

  constructor(source: DirStack, dest: DirStack, lender: ModeLender, options: CopyTreeOptions) {
    this.#source = source;
    this.#dest = dest;
    this.#destRootFd = dest.fd;
    this.#lender = lender;
    this.#options = options;
  }

  run(): void {
    this.#begin(rootPath);
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const name = level.directories.pop();
      if (name === undefined) {
        this.#finish(level);
      } else {
        const path = joinPath(level.path, name);
        this.#within(path, () => {
          this.#source.enter(name);
          this.#dest.enter(name);
        });
        this.#begin(path);
      }
    }
  }

  #begin(path: RelPath): void {
    const level: Level = { path, stat: this.#lender.stat, directories: [] };
    this.#levels.push(level);
    for (const entry of readdir(this.#source.fd)) {
      if (this.#isDirectory(entry)) level.directories.push(entry.name);
      else
        this.#within(joinPath(path, entry.name), () => {
          this.#copy(path, bytesOf(entry.name), entry.type === "file");
        });
    }
  }

  #isDirectory({ name, type }: DirEntry): boolean {
    return type === "directory" || (type === "unknown" && S_ISDIR(fstatat(this.#source.fd, bytesOf(name)).mode));
  }

  #within(path: RelPath, action: () => void): void {
    try {
      action();
    } catch (error) {
      throw inContext(error, shownPath(path));
    }
  }

  #copy(parent: RelPath, name: Buffer, isFile: boolean): void {
    if (this.#options.share === true && this.#tryLink(this.#source.fd, name, name)) return;
    if (isFile) {
      using source = openSource(this.#source.fd, name);
      this.#copyFile(source, { parent, name });
      return;
    }
    const stat = fstatat(this.#source.fd, name);
    if (S_ISREG(stat.mode)) {
      this.#copy(parent, name, true);
    } else if (!this.#tryLinkCopied(stat, name)) {
      if (copySpecial(this.#source.fd, name, this.#dest.fd, name, this.#options, stat))
        this.#note(stat, { parent, name });
    }
  }

  #copyFile(source: SourceFile, place: Place): void {
    if (this.#tryLinkCopied(source.stat, place.name)) return;
    copyOpened(source, this.#dest.fd, place.name, this.#options, this.#data);
    this.#note(source.stat, place);
  }

  #note(stat: Stat, place: Place): void {
    if (stat.nlink > 1) this.#copied.set(stat.devIno, place);
  }

  #tryLinkCopied(stat: Stat, name: Buffer): boolean {
    const first = stat.nlink > 1 ? this.#copied.get(stat.devIno) : undefined;
    if (first === undefined) return false;
    const fd = openBelow(this.#destRootFd, first.parent);
    try {
      return this.#tryLink(fd, first.name, name);
    } finally {
      closeFd(fd);
    }
  }

  #tryLink(fromDirfd: number, from: Buffer, name: Buffer): boolean {
    try {
      linkat(fromDirfd, from, this.#dest.fd, name);
      return true;
    } catch (error) {
      // Too many links, another file system, or a kernel that protects files from links by others than their owner.
      if (isErrno(error, "EMLINK", "EXDEV", "EPERM", "EACCES")) return false;
      throw error;
    }
  }

  #finish({ stat }: Level): void {
    const isRoot = this.#dest.depth === 0;
    if (isRoot) this.#closeDirectories();
    copyAttributes(this.#source.fd, this.#dest.fd, this.#options, stat);
    this.#levels.pop();
    if (isRoot) return;
    const mode = stat.mode & 0o7777;
    const staysSearchable = this.#lender.lends && (mode & 0o100) === 0;
    if (staysSearchable) fchmod(this.#dest.fd, mode | 0o100);
    this.#source.leave((fd) => {
      this.#lender.takeBack(fd);
    });
    const name = bytesOf(this.#dest.leave());
    const parent = this.#levels.at(-1)?.path ?? rootPath;
    if (staysSearchable) this.#searchable.push({ place: { parent, name }, mode });
  }

  /** Children come before their parents. */
  #closeDirectories(): void {
    for (const { place, mode } of this.#searchable) {
      const fd = openBelow(this.#destRootFd, place.parent);
      try {
        fchmodat(fd, place.name, mode);
      } finally {
        closeFd(fd);
      }
    }
  }
}
