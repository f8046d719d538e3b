/** Counting what a tree takes; the rules are those of {@link Usage}. */
import { latin1Of, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_ISDIR, S_ISREG } from "../sys/constants.ts";
import { DirStack } from "../sys/dir-stack.ts";
import { fstatat, openat, readdir, type Stat } from "../sys/linux.ts";
import { openBeneath, syscallPath } from "./beneath.ts";
import type { Usage } from "./staged-layer.ts";

const blockBytes = 4096;

export const directoryBytes: number = blockBytes;

export function allocatedBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockBytes) * blockBytes;
}

/** Of a file as it lies on disk. */
export function allocatedBytesOf(stat: Stat): number {
  if (S_ISDIR(stat.mode)) return directoryBytes;
  return S_ISREG(stat.mode) ? allocatedBytes(stat.size) : 0;
}

/** Walks the tree below the directory `rootFd`. What `isExcluded` names is not counted; sparse files by their blocks. */
export function countTree(rootFd: number, isExcluded: (path: RelPath) => boolean): Usage {
  using stack = new DirStack(openBeneath(rootFd, "", O_RDONLY | O_DIRECTORY), openChild);
  const seen = new Set<string>();
  const pending: string[][] = [];
  let inodes = 1;
  let sizeBytes = directoryBytes;
  const visit = (): void => {
    const prefix = stack.depth === 0 ? "" : `${stack.path}/`;
    const directories: string[] = [];
    for (const { name } of readdir(stack.fd)) {
      const stat = fstatat(stack.fd, syscallPath(name));
      if (S_ISDIR(stat.mode)) {
        directories.push(name);
      } else if (isExcluded((prefix + name) as RelPath)) {
        continue;
      } else if (stat.nlink > 1) {
        if (seen.has(stat.devIno)) continue;
        seen.add(stat.devIno);
      }
      inodes++;
      sizeBytes += S_ISREG(stat.mode) ? Math.min(allocatedBytes(stat.size), stat.blocks * 512) : allocatedBytesOf(stat);
    }
    pending.push(directories);
  };
  visit();
  for (;;) {
    const next = pending.at(-1)?.pop();
    if (next !== undefined) {
      stack.enter(next);
      visit();
      continue;
    }
    pending.pop();
    if (pending.length === 0) return { inodes, sizeBytes };
    stack.leave();
  }
}

function openChild(parentFd: number, name: Buffer): number {
  return openat(parentFd, syscallPath(latin1Of(name)), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}
