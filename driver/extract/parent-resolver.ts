/**
 * Where an entry goes: the directory that its path leads to, inside the root, following the symlinks this layer has.
 *
 * Paths resolve in the staged tree, which only this extraction writes, one component at a time from an open directory;
 * nothing outside the root can be reached whatever symlinks say. Directories met before are kept open, and forgotten
 * as soon as a directory or symlink goes.
 */
import { isErrno, StorageError } from "../base/errors.ts";
import { baseOf, joinPath, latin1Of, parentOf, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_ISDIR, S_ISLNK } from "../sys/constants.ts";
import { closeFd, openat, readlinkat, tryFstatat } from "../sys/linux.ts";
import { maxPathBytes, openBeneath, statBeneath, syscallPath, withDirectory } from "./beneath.ts";
import type { Directory, StagedTree } from "./staged-tree.ts";

/** As many symlinks as Linux follows in one path. */
export const maxJumps = 40;

const maxOpenDirectories = 64;

/** A path that cannot be resolved in this layer; a redirect might make it resolvable. */
export class UnresolvablePath extends Error {}

export class ParentResolver {
  readonly #tree: StagedTree;
  readonly #redirects: ReadonlyMap<RelPath, RelPath>;
  /** By the path as entries spell it; least recently used first. */
  readonly #open = new Map<RelPath, Directory>();
  #last: RelPath | undefined;
  #isStale = false;

  constructor(tree: StagedTree, redirects: ReadonlyMap<RelPath, RelPath>) {
    this.#tree = tree;
    this.#redirects = redirects;
    tree.onPathsChanged = (): void => {
      this.markStale();
    };
  }

  /**
   * The directory for an entry of this path. What is missing on the way is made, what is no directory is replaced. The
   * descriptor stays the resolver's and open until the next call of this method.
   * @throws {UnresolvablePath} for a loop of symlinks or a path longer than the kernel takes.
   */
  parentOf(entryPath: RelPath, mtimeNs: bigint): Directory {
    if (this.#isStale) this.forget();
    const wanted = parentOf(entryPath);
    const known = this.#known(wanted);
    if (known !== undefined) return known;
    const { start, rest } = this.#nearest(wanted);
    const found = tryOpen(start, rest) ?? this.#walk(start, rest, mtimeNs);
    if (this.#isStale) this.forget();
    return this.#keep(wanted, found);
  }

  /**
   * The directory that a hard link's target is in, if this layer has it; otherwise its path, as far as the layer leads
   * it, through what only lower layers can know. Makes nothing.
   */
  lookUpParentOf(target: RelPath): Directory | RelPath {
    const wanted = parentOf(target);
    const known = this.#known(wanted);
    if (known !== undefined) return known;
    const { start, rest } = this.#nearest(wanted);
    const opened = tryOpen(start, rest);
    if (opened !== undefined) return this.#keep(wanted, opened);
    const path = this.#lookThrough(start.path, rest);
    const stat = statBeneath(this.#tree.root.fd, path);
    if (stat === undefined || !S_ISDIR(stat.mode)) return path;
    return this.#keep(wanted, this.#openAt(path));
  }

  /** To be called when a path may lead elsewhere than before. */
  markStale(): void {
    this.#isStale = true;
  }

  /** Closes all descriptors but the root's. */
  forget(): void {
    this.#isStale = false;
    for (const directory of this.#open.values()) closeFd(directory.fd);
    this.#open.clear();
    this.#last = undefined;
  }

  #known(path: RelPath): Directory | undefined {
    if (path === rootPath) return this.#tree.root;
    const found = this.#open.get(path);
    if (found !== undefined && path !== this.#last) {
      this.#open.delete(path);
      this.#open.set(path, found);
      this.#last = path;
    }
    return found;
  }

  #keep(path: RelPath, directory: Directory): Directory {
    if (this.#open.size >= maxOpenDirectories) {
      for (const [oldest, { fd }] of this.#open) {
        closeFd(fd);
        this.#open.delete(oldest);
        break;
      }
    }
    this.#open.set(path, directory);
    this.#last = path;
    return directory;
  }

  #nearest(path: RelPath): { start: Directory; rest: string } {
    for (let at = parentOf(path); at !== rootPath; at = parentOf(at)) {
      const start = this.#open.get(at);
      if (start !== undefined) return { start, rest: path.slice(at.length + 1) };
    }
    return { start: this.#tree.root, rest: path };
  }

  #openAt(path: RelPath): Directory {
    return { fd: openBeneath(this.#tree.root.fd, path, O_PATH | O_DIRECTORY), path };
  }

  #walk(start: Directory, rest: string, mtimeNs: bigint): Directory {
    const todo = new Steps(rest);
    let here = this.#openAt(start.path);
    const go = (next: Directory): void => {
      closeFd(here.fd);
      here = next;
    };
    try {
      for (let name = todo.next(); name !== undefined; name = todo.next()) {
        if (name === "..") {
          go(this.#openAt(parentOf(here.path)));
          continue;
        }
        const path = checkedPath(here.path, name);
        const at = syscallPath(name);
        const stat = tryFstatat(here.fd, at);
        const redirect = stat === undefined ? this.#redirectOf(path) : undefined;
        if (redirect !== undefined) {
          todo.jump(`/${redirect}`, path);
          go(this.#openAt(rootPath));
        } else if (stat !== undefined && S_ISLNK(stat.mode)) {
          if (todo.jump(latin1Of(readlinkat(here.fd, at)), path)) go(this.#openAt(rootPath));
        } else {
          if (stat === undefined || !S_ISDIR(stat.mode)) {
            this.#tree.removeNonDirectory(here, name);
            this.#tree.makeImplied(here, name, mtimeNs);
          }
          go({ fd: openat(here.fd, at, O_PATH | O_DIRECTORY | O_NOFOLLOW), path });
        }
      }
      return here;
    } catch (error) {
      closeFd(here.fd);
      throw error;
    }
  }

  /** As {@link #walk} without making: a missing directory is passed through by name. */
  #lookThrough(start: RelPath, rest: string): RelPath {
    const { root, notes } = this.#tree;
    const todo = new Steps(rest);
    let here = start;
    for (let name = todo.next(); name !== undefined; name = todo.next()) {
      if (name === "..") {
        here = parentOf(here);
        continue;
      }
      const path = checkedPath(here, name);
      const stat = statBeneath(root.fd, path);
      if (stat !== undefined && S_ISLNK(stat.mode)) {
        const target = withDirectory(root.fd, here, (fd) => latin1Of(readlinkat(fd, syscallPath(baseOf(path)))));
        if (todo.jump(target, path)) here = rootPath;
        continue;
      }
      if (stat === undefined && !this.#isBelowLeaf(path)) {
        const redirect = this.#redirectOf(path);
        if (redirect !== undefined) {
          todo.jump(`/${redirect}`, path);
          here = rootPath;
          continue;
        }
        if (notes.isLowerVisible(path)) notes.addLookedThrough(path);
      }
      here = path;
    }
    return here;
  }

  /** Below something of this layer that is no directory nothing of the lower layers shows. */
  #isBelowLeaf(path: RelPath): boolean {
    for (let at = parentOf(path); at !== rootPath; at = parentOf(at)) {
      const stat = statBeneath(this.#tree.root.fd, at);
      if (stat !== undefined) return !S_ISDIR(stat.mode);
    }
    return false;
  }

  #redirectOf(path: RelPath): RelPath | undefined {
    const to = this.#redirects.get(path);
    return to !== undefined && this.#tree.notes.isLowerVisible(path) ? to : undefined;
  }
}

/** The components still to go. */
class Steps {
  readonly #names: string[] = [];
  #jumps = 0;

  constructor(path: string) {
    this.#push(path);
  }

  next(): string | undefined {
    for (;;) {
      const name = this.#names.pop();
      if (name !== "" && name !== ".") return name;
    }
  }

  /** Goes through a symlink first; true when its target starts at the root. */
  jump(target: string, from: RelPath): boolean {
    if (++this.#jumps > maxJumps) throw new UnresolvablePath(`too many symlinks at ${shownPath(from)}`);
    this.#push(target);
    return target.startsWith("/");
  }

  #push(path: string): void {
    this.#names.push(...path.split("/").reverse());
  }
}

function checkedPath(parent: RelPath, name: string): RelPath {
  const path = joinPath(parent, name);
  if (path.length > maxPathBytes) throw new UnresolvablePath(`it leads to a path of more than ${maxPathBytes} bytes`);
  if (name.length > 255) throw new UnresolvablePath("it leads to a name of more than 255 bytes");
  return path;
}

/** Quick when all is there and nothing is a symlink. */
function tryOpen(start: Directory, rest: string): Directory | undefined {
  try {
    const fd = openBeneath(start.fd, rest, O_PATH | O_DIRECTORY);
    return { fd, path: (start.path === rootPath ? rest : `${start.path}/${rest}`) as RelPath };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ELOOP", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Every failure of a path is the tar's doing. */
export function asInvalidEntry(path: RelPath, verb: string, reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot ${verb} ${shownPath(path)}: ${reason}`);
}
