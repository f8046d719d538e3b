/**
 * archive/ moves files between trees that are in use and tar streams: what `export` and `cp` are made of.
 *
 * A tree here belongs to a stranger who may be changing it at the same moment: a container's root. No path of it is ever
 * given to the kernel whole. Each component is opened from the descriptor of the one before without following anything,
 * symlinks are read and walked through from the tree's own root, and ".." goes back to a descriptor that was held all the
 * time. So whatever is renamed or swapped meanwhile, nothing outside the tree can be reached.
 */
import { basename, dirname } from "node:path";
import { isErrno, StorageError } from "../base/errors.ts";
import { bytesOf, joinPath, latin1Of, parentOf, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_ISDIR, S_ISLNK } from "../sys/constants.ts";
import { AT_FDCWD, closeFd, fstat, fstatat, openat, readlinkat, type Stat } from "../sys/linux.ts";

/** Something of the host that the tree has in place of its own. */
export interface PlacedMount {
  /** Absolute, in the tree. */
  readonly target: string;
  /** Absolute, on this machine: a directory or a file. */
  readonly source: string;
  readonly readonly: boolean;
}

/** As many symlinks as Linux follows in one path. */
const maxJumps = 40;
const maxPathBytes = 64 * 1024;
const directoryFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW;

/** A directory of the tree, held open. */
export class Directory implements Disposable {
  /** O_PATH. */
  readonly fd: number;
  /** In the tree, when it was reached. */
  readonly path: RelPath;
  /** The mount that it is in; undefined in the tree's own files. */
  readonly mount: PlacedMount | undefined;

  constructor(fd: number, path: RelPath, mount: PlacedMount | undefined) {
    this.fd = fd;
    this.path = path;
    this.mount = mount;
  }

  /** The same, with a descriptor of its own. */
  again(): Directory {
    return new Directory(openat(this.fd, ".", O_PATH | O_DIRECTORY), this.path, this.mount);
  }

  [Symbol.dispose](): void {
    closeFd(this.fd);
  }
}

/** What a path leads to. Whoever asked disposes of the directory. */
export type Found =
  | { readonly kind: "directory"; readonly directory: Directory }
  | {
      readonly kind: "other";
      readonly parent: Directory;
      readonly name: string;
      readonly stat: Stat;
      /** It is one file of the host, in place of the tree's own. */
      readonly isMounted: boolean;
    }
  | { readonly kind: "missing"; readonly parent: Directory; readonly name: string };

export type Present = Exclude<Found, { kind: "missing" }>;

/** What holds it, to be disposed of. */
export function heldBy(found: Present): Directory {
  return found.kind === "directory" ? found.directory : found.parent;
}

/** A path as it was written, in its bytes: it may have "..", or lead through symlinks. */
export function keyOf(path: string): RelPath {
  return latin1Of(Buffer.from(path)) as RelPath;
}

export interface ResolveOptions {
  /** A symlink at the end is followed, too. */
  readonly followsLast: boolean;
  /** Makes a directory that is missing on the way. */
  readonly make?: (parent: Directory, name: string) => void;
}

export class RootedTree implements Disposable {
  readonly #root: Directory;
  readonly #mounts = new Map<RelPath, PlacedMount>();
  readonly #followsLinks: boolean;

  /**
   * Owns `rootFd`, a directory, from now on. With `followsLinks` false a symlink on the way is an error. A mount whose
   * target is not there does not count.
   */
  constructor(rootFd: number, mounts: readonly PlacedMount[] = [], options: { readonly followsLinks?: boolean } = {}) {
    this.#root = new Directory(rootFd, rootPath, undefined);
    this.#followsLinks = options.followsLinks ?? true;
    const depth = ({ target }: PlacedMount): number => target.split("/").length;
    for (const mount of mounts.toSorted((one, other) => depth(one) - depth(other))) {
      const path = this.#canonical(keyOf(mount.target));
      if (path !== undefined) this.#mounts.set(path, mount);
    }
  }

  [Symbol.dispose](): void {
    this.#root[Symbol.dispose]();
  }

  mountAt(path: RelPath): PlacedMount | undefined {
    return this.#mounts.get(path);
  }

  /**
   * Walks a path (latin1) from the root.
   * @throws {StorageError} ERR_NOT_FOUND where something on the way is missing; ERR_FAILED_PRECONDITION where it is no
   * directory or too many symlinks; others by errno.
   */
  resolve(path: string, { followsLast, make }: ResolveOptions): Found {
    const todo = path.split("/").reverse();
    const stack = [this.#root.again()];
    let bytes = path.length;
    let jumps = 0;
    try {
      for (;;) {
        const name = todo.pop();
        const here = stack.at(-1);
        if (here === undefined) throw new RangeError("the root is always there");
        if (name === undefined) {
          stack.pop();
          return { kind: "directory", directory: here };
        }
        if (name === "" || name === ".") continue;
        if (name === "..") {
          if (stack.length > 1) stack.pop()?.[Symbol.dispose]();
          continue;
        }
        const isLast = todo.every((each) => each === "" || each === ".");
        const child = this.#open(here, name, path);
        if (child === "missing") {
          if (make !== undefined) {
            make(here, name);
            todo.push(name);
            continue;
          }
          if (!isLast) throw notFound(path);
          stack.pop();
          return { kind: "missing", parent: here, name };
        }
        if (child instanceof Directory) {
          stack.push(child);
          continue;
        }
        if (S_ISLNK(child.stat.mode) && (!isLast || followsLast)) {
          const target = this.#readLink(child, path);
          bytes += target.length;
          if (++jumps > maxJumps || bytes > maxPathBytes) throw blocked(path, "it leads through too many symlinks");
          if (target.startsWith("/")) for (const left of stack.splice(1)) left[Symbol.dispose]();
          todo.push(...target.split("/").reverse());
          continue;
        }
        if (isLast) return { kind: "other", ...child };
        child.parent[Symbol.dispose]();
        throw blocked(path, `${shownPath(joinPath(here.path, name))} is not a directory`);
      }
    } finally {
      for (const left of stack) left[Symbol.dispose]();
    }
  }

  #open(here: Directory, name: string, path: string): Directory | Omit<Found & { kind: "other" }, "kind"> | "missing" {
    const at = joinPath(here.path, name);
    const mount = this.#mounts.get(at);
    if (mount !== undefined) return openMounted(mount, at);
    let fd: number;
    try {
      fd = openat(here.fd, bytesOf(name), O_PATH | O_NOFOLLOW);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return "missing";
      if (isErrno(error, "ENAMETOOLONG")) throw notFound(path);
      throw error;
    }
    const stat = fstat(fd);
    if (S_ISDIR(stat.mode)) return new Directory(fd, at, here.mount);
    closeFd(fd);
    return { parent: here.again(), name, stat, isMounted: false };
  }

  /** Closes the link's directory. */
  #readLink({ parent, name }: { readonly parent: Directory; readonly name: string }, path: string): string {
    using _parent = parent;
    if (!this.#followsLinks) throw blocked(path, `${shownPath(joinPath(parent.path, name))} is a symlink`);
    try {
      return latin1Of(readlinkat(parent.fd, bytesOf(name)));
    } catch (error) {
      if (isErrno(error, "EINVAL", "ENOENT")) throw blocked(path, "it was replaced meanwhile");
      throw error;
    }
  }

  /** Where a mount's target is, free of symlinks; undefined where nothing is. */
  #canonical(target: string): RelPath | undefined {
    try {
      const found = this.resolve(target, { followsLast: true });
      if (found.kind === "directory") {
        using directory = found.directory;
        return directory.path;
      }
      using parent = found.parent;
      return found.kind === "missing" ? undefined : joinPath(parent.path, found.name);
    } catch {
      return undefined;
    }
  }
}

/** The host's own paths are followed as they are. */
function openMounted(mount: PlacedMount, at: RelPath): Directory | Omit<Found & { kind: "other" }, "kind"> {
  const fd = openat(AT_FDCWD, mount.source, O_PATH);
  if (S_ISDIR(fstat(fd).mode)) return new Directory(fd, at, mount);
  closeFd(fd);
  const name = keyOf(basename(mount.source));
  const directory = openat(AT_FDCWD, dirname(mount.source), O_PATH | O_DIRECTORY);
  const parent = new Directory(directory, parentOf(at), mount);
  return { parent, name, stat: fstatat(directory, bytesOf(name)), isMounted: true };
}

/** A directory (O_PATH) at a path of the host, whatever symlinks lead there. */
export function openHostDirectory(path: string): number {
  return openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);
}

/** The directory `name` of `parent`, which is no symlink. */
export function openChild(parent: Directory, name: string): Directory {
  return new Directory(openat(parent.fd, bytesOf(name), directoryFlags), joinPath(parent.path, name), parent.mount);
}

function notFound(path: string): StorageError {
  return new StorageError("ERR_NOT_FOUND", `cannot find ${shownPath(path)}: no such file or directory`);
}

function blocked(path: string, reason: string): StorageError {
  return new StorageError("ERR_FAILED_PRECONDITION", `cannot go to ${shownPath(path)}: ${reason}`);
}
