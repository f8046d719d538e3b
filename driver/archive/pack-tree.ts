/** Files as a tar stream, read while others may change them. */
import { readSync } from "node:fs";
import { isErrno, StorageError } from "../base/errors.ts";
import { bytesOf, joinPath, latin1Of, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { entryOf, entryTypeOf } from "../diff/entry-of.ts";
import { exportedXattrs, exportedXattrsOf, hasPaxForm, noXattrs, type Xattrs } from "../diff/exported-xattrs.ts";
import { canBeSaid } from "../diff/same-node.ts";
import { O_DIRECTORY, O_RDONLY, S_ISDIR, SEEK_DATA } from "../sys/constants.ts";
import { openSource, type SourceFile } from "../sys/copy-file.ts";
import { DirStack } from "../sys/dir-stack.ts";
import { inContext } from "../sys/in-context.ts";
import {
  fstat,
  getxattrat,
  listxattrat,
  lseek,
  openat,
  readdir,
  readlinkat,
  tryFstatat,
  type Stat,
} from "../sys/linux.ts";
import { ModeLender } from "../sys/mode-lender.ts";
import type { Owner } from "../sys/privileges.ts";
import type { EntryType } from "../tar/entry.ts";
import { endOfArchive, paddingAfter, tarHeader } from "../tar/tar-writer.ts";
import type { Directory, Found, RootedTree } from "./rooted-tree.ts";

export interface PackOptions {
  /** What the source is called in the tar; "" for what is in it only. */
  readonly name: RelPath;
  readonly tree: RootedTree;
  /** Without the privilege to read everything, our own files are lent that permission meanwhile. */
  readonly lends: boolean;
  /** Whose files are root's in the tar. */
  readonly standIn: Owner | null;
  readonly onWarning: (text: string) => void;
}

const blockBytes = 256 * 1024;
/** Directories kept open: going through a mount there is no way back by "..". */
const maxOpen = 128;

/**
 * The whole archive, in pieces that are the receiver's to keep. Symlinks are said, never followed; sockets are left out;
 * mounts of the tree come with what they hold. A file that shrinks meanwhile is filled up with zeros, what grows is cut,
 * what goes is left out: the stream stays whole. Names are in the order of their bytes.
 * @throws {StorageError} by errno.
 */
export function* packTree(source: Exclude<Found, { kind: "missing" }>, options: PackOptions): Generator<Uint8Array> {
  const packer = new TreePacker(options);
  if (source.kind === "directory") yield* packer.tree(source.directory);
  else yield* packer.node(source.parent.fd, source.name, options.name, source.stat);
  yield* packer.end();
}

interface Level {
  /** In the tree. */
  readonly path: RelPath;
  /** In the tar. */
  readonly said: RelPath;
  readonly names: string[];
}

class TreePacker {
  readonly #options: PackOptions;
  readonly #lender: ModeLender;
  readonly #links = new Map<string, RelPath>();
  #block: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  #filled = 0;

  constructor(options: PackOptions) {
    this.#options = options;
    this.#lender = new ModeLender(options.lends);
  }

  *tree(root: Directory): Generator<Uint8Array> {
    const levels: Level[] = [];
    const open = (parentFd: number, name: Buffer): number => {
      const mount = this.#options.tree.mountAt(joinPath(levels.at(-1)?.path ?? rootPath, latin1Of(name)));
      return mount === undefined ? this.#lender.open(parentFd, name) : this.#lender.openRoot(mount.source);
    };
    using stack = new DirStack(this.#openRoot(root.fd), open, maxOpen);
    const takeBack = (fd: number): void => {
      this.#lender.takeBack(fd);
    };
    try {
      yield* this.#enter(stack.fd, root.path, this.#options.name, levels);
      for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
        const name = level.names.pop();
        if (name === undefined) {
          levels.pop();
          if (stack.depth > 0) stack.leave(takeBack);
          continue;
        }
        const path = joinPath(level.path, name);
        const said = joinPath(level.said, name);
        try {
          if (this.#options.tree.mountAt(path) !== undefined) {
            const found = this.#options.tree.resolve(path, { followsLast: false });
            using held = found.kind === "directory" ? found.directory : found.parent;
            if (found.kind === "other") yield* this.node(held.fd, found.name, said, found.stat);
            if (found.kind !== "directory") continue;
          } else {
            const stat = tryFstatat(stack.fd, bytesOf(name));
            if (stat === undefined) continue;
            if (!S_ISDIR(stat.mode)) {
              yield* this.node(stack.fd, name, said, stat);
              continue;
            }
          }
          stack.enter(name);
        } catch (error) {
          if (this.#isGone(error, said)) continue;
          throw inContext(error, `cannot read ${shownPath(said)}`);
        }
        yield* this.#enter(stack.fd, path, said, levels);
      }
    } finally {
      while (stack.depth > 0) stack.leave(takeBack);
      takeBack(stack.fd);
    }
  }

  #openRoot(fd: number): number {
    return this.#options.lends
      ? this.#lender.openRoot(`/proc/self/fd/${fd}/.`)
      : openat(fd, ".", O_RDONLY | O_DIRECTORY);
  }

  *#enter(fd: number, path: RelPath, said: RelPath, levels: Level[]): Generator<Uint8Array> {
    const stat = fstat(fd);
    const mode = this.#options.lends ? this.#lender.stat.mode : stat.mode;
    yield* this.#put(this.#header(said, stat, "directory", exportedXattrsOf(fd, null), "", mode));
    const names = readdir(fd).map(({ name }) => name);
    levels.push({ path, said, names: names.sort().reverse() });
  }

  /** Anything but a directory. */
  *node(dirfd: number, name: string, said: RelPath, stat: Stat): Generator<Uint8Array> {
    const type = entryTypeOf(stat);
    if (type === undefined || !canBeSaid(stat)) return;
    const link = this.#links.get(stat.devIno);
    if (link !== undefined) {
      yield* this.#put(this.#header(said, stat, "hardlink", noXattrs, link));
      return;
    }
    if (type === "file") {
      yield* this.#file(dirfd, name, said);
      return;
    }
    const at = bytesOf(name);
    const xattrs =
      type === "symlink"
        ? noXattrs
        : exportedXattrs({ list: () => listxattrat(dirfd, at), get: (xattr) => getxattrat(dirfd, at, xattr) }, null);
    const target = type === "symlink" ? readLink(dirfd, at) : "";
    yield* this.#put(this.#header(said, stat, type, xattrs, target));
    if (stat.nlink > 1) this.#links.set(stat.devIno, said);
  }

  *#file(dirfd: number, name: string, said: RelPath): Generator<Uint8Array> {
    let source: SourceFile;
    try {
      source = openSource(dirfd, bytesOf(name));
    } catch (error) {
      if (this.#isGone(error, said)) return;
      throw inContext(error, `cannot read ${shownPath(said)}`);
    }
    using file = source;
    const { fd, stat } = file;
    yield* this.#put(this.#header(said, stat, "file", exportedXattrsOf(fd, null), ""));
    if (stat.nlink > 1) this.#links.set(stat.devIno, said);
    const isSparse = stat.blocks * 512 < stat.size;
    let at = 0;
    while (at < stat.size) {
      const data = isSparse ? lseek(fd, at, SEEK_DATA) : at;
      const start = data < 0 ? stat.size : Math.min(data, stat.size);
      yield* this.#zeros(start - at);
      at = start;
      if (at === stat.size) break;
      const got = readSync(fd, this.#block, this.#filled, Math.min(blockBytes - this.#filled, stat.size - at), at);
      if (got === 0) {
        this.#options.onWarning(`${shownPath(said)} has shrunk while it was read`);
        yield* this.#zeros(stat.size - at);
        break;
      }
      at += got;
      this.#filled += got;
      if (this.#filled === blockBytes) yield this.#next();
    }
    yield* this.#zeros(paddingAfter(stat.size));
  }

  *end(): Generator<Uint8Array> {
    yield* this.#put(endOfArchive);
    if (this.#filled > 0) yield this.#next();
  }

  #isGone(error: unknown, said: RelPath): boolean {
    const isReplaced = error instanceof StorageError && error.code === "ERR_ABORTED";
    if (!isReplaced && !isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return false;
    this.#options.onWarning(`${shownPath(said)} went while it was read: left out`);
    return true;
  }

  #header(path: RelPath, stat: Stat, type: EntryType, xattrs: Xattrs, linkTarget: string, mode = stat.mode): Buffer {
    const sayable = new Map([...xattrs].filter(hasPaxForm));
    const entry = entryOf(path, stat, { type, xattrs: sayable, standIn: this.#options.standIn });
    return tarHeader({ ...entry, linkTarget, mode: mode & 0o7777 });
  }

  *#put(bytes: Uint8Array): Generator<Uint8Array> {
    for (let rest = bytes; rest.length > 0;) {
      const part = rest.subarray(0, blockBytes - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === blockBytes) yield this.#next();
    }
  }

  *#zeros(count: number): Generator<Uint8Array> {
    for (let left = count; left > 0;) {
      const part = Math.min(left, blockBytes - this.#filled);
      this.#block.fill(0, this.#filled, this.#filled + part);
      this.#filled += part;
      left -= part;
      if (this.#filled === blockBytes) yield this.#next();
    }
  }

  /** The block as far as it is filled; the next one is another. */
  #next(): Uint8Array {
    const full = this.#block.subarray(0, this.#filled);
    this.#block = Buffer.allocUnsafeSlow(blockBytes);
    this.#filled = 0;
    return full;
  }
}

function readLink(dirfd: number, name: Buffer): string {
  try {
    return latin1Of(readlinkat(dirfd, name));
  } catch (error) {
    if (isErrno(error, "EINVAL")) throw new StorageError("ERR_ABORTED", "it was replaced meanwhile");
    throw error;
  }
}
