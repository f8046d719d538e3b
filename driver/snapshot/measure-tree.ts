/** Usage as containerd counts it: every inode once, the root included, with its allocated blocks. */
import { isErrno } from "../base/errors.ts";
import { bytesOf } from "../base/path-bytes.ts";
import type { Usage } from "../extract/staged-layer.ts";
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, S_ISDIR } from "../sys/constants.ts";
import { DirStack } from "../sys/dir-stack.ts";
import { fstat, openat, readdir, type Stat, tryFstatat } from "../sys/linux.ts";

const blockBytes = 512;

/** Trees to walk for what a snapshot adds to its parent: its own, and one below that is copied in it and not counted. */
export interface Growth {
  readonly tree: string;
  readonly below: string | undefined;
}

/** Never below zero, where more was deleted than added. */
export function measureGrowth({ tree, below }: Growth): Usage {
  const { inodes, sizeBytes } = measureTree(tree);
  if (below === undefined) return { inodes, sizeBytes };
  const copied = measureTree(below);
  return {
    inodes: Math.max(0, inodes - copied.inodes),
    sizeBytes: Math.max(0, sizeBytes - copied.sizeBytes),
  };
}

/**
 * Walks `tree` without following symlinks. What vanishes meanwhile is not counted, nor what is in a directory that
 * this process may not read.
 */
export function measureTree(tree: string): Usage {
  using stack = new DirStack(openat(AT_FDCWD, tree, O_DIRECTORY | O_NOFOLLOW), (fd, name) =>
    openat(fd, name, O_DIRECTORY | O_NOFOLLOW),
  );
  const counter = new InodeCounter();
  counter.add(fstat(stack.fd));
  /** Directories still to enter, of each directory on the way to the current one. */
  const pending: string[][] = [counter.addEntries(stack.fd)];
  for (;;) {
    const next = pending.at(-1)?.pop();
    if (next !== undefined) {
      if (tryEnter(stack, next)) pending.push(counter.addEntries(stack.fd));
    } else if (stack.depth === 0) {
      return counter.usage();
    } else {
      pending.pop();
      stack.leave();
    }
  }
}

class InodeCounter {
  /** Inodes with several links that have been counted. */
  readonly #linked = new Set<string>();
  #inodes = 0;
  #blocks = 0;

  add(stat: Stat): void {
    if (stat.nlink > 1 && !S_ISDIR(stat.mode)) {
      const inode = stat.devIno;
      if (this.#linked.has(inode)) return;
      this.#linked.add(inode);
    }
    this.#inodes++;
    this.#blocks += stat.blocks;
  }

  /** Returns the names of the directories among the entries of `fd`. */
  addEntries(fd: number): string[] {
    const directories: string[] = [];
    for (const { name } of readdir(fd)) {
      const stat = tryFstatat(fd, bytesOf(name));
      if (stat === undefined) continue;
      this.add(stat);
      if (S_ISDIR(stat.mode)) directories.push(name);
    }
    return directories;
  }

  usage(): Usage {
    return { inodes: this.#inodes, sizeBytes: this.#blocks * blockBytes };
  }
}

function tryEnter(stack: DirStack, name: string): boolean {
  try {
    stack.enter(name);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return false;
    throw error;
  }
}
