/** Hard links of two complete trees: which files are to be said again because what they are linked with has changed. */
import type { RelPath } from "../base/path-bytes.ts";
import { LowerView } from "../extract/lower-view.ts";
import { S_ISDIR } from "../sys/constants.ts";
import { DirStack } from "../sys/dir-stack.ts";
import { fstatat, readdir } from "../sys/linux.ts";
import { ModeLender } from "../sys/mode-lender.ts";
import { syscallPath } from "../extract/beneath.ts";
import { placedBelow, sameNode } from "./same-node.ts";

/**
 * Paths above whose hard links differ from those below, though each may be the same for itself. Of the groups above that
 * are within one group below, one is as it was; a layer must say all members of the others.
 */
export function pathsRelinked(lowerDir: string, upperDir: string, lends: boolean): ReadonlySet<RelPath> {
  const above = linkGroups(upperDir, lends);
  const below = linkGroups(lowerDir, lends);
  const relinked = new Set<RelPath>();
  if (above.length === 0 && below.length === 0) return relinked;
  const groupBelow = new Map(below.flatMap((group) => group.map((path) => [path, group] as const)));
  const isAbove = new Set(above.flat());
  using lower = new LowerView([{ dir: lowerDir, whiteouts: [], opaques: [] }]);
  using upper = new LowerView([{ dir: upperDir, whiteouts: [], opaques: [] }]);
  const isSame = (path: RelPath): boolean => {
    const there = lower.lookup(path);
    const here = upper.lookup(path);
    if (there === undefined || here === undefined) return false;
    return sameNode(placedBelow(upper, here), placedBelow(lower, there), null);
  };
  const singles = below.flatMap((group) => group.filter((path) => !isAbove.has(path)).map((path) => [path]));
  const kept = new Set<readonly RelPath[]>();
  for (const group of [...above, ...singles].sort(byFirstPath)) {
    const [first] = group;
    const origin = first === undefined ? undefined : groupBelow.get(first);
    const isWithin = origin !== undefined && group.every((path) => groupBelow.get(path) === origin);
    if (first !== undefined && isWithin && !kept.has(origin) && isSame(first)) kept.add(origin);
    else for (const path of group) relinked.add(path);
  }
  return relinked;
}

function byFirstPath([one = "" as RelPath]: readonly RelPath[], [other = "" as RelPath]: readonly RelPath[]): number {
  return one < other ? -1 : 1;
}

/** Paths of one inode each, two or more. */
function linkGroups(dir: string, lends: boolean): RelPath[][] {
  const paths = new Map<string, RelPath[]>();
  const lender = new ModeLender(lends);
  using stack = new DirStack(lender.openRoot(dir), lender.open);
  const pending: string[][] = [];
  const visit = (): void => {
    const prefix = stack.depth === 0 ? "" : `${stack.path}/`;
    const directories: string[] = [];
    for (const { name, type } of readdir(stack.fd)) {
      if (type === "directory") {
        directories.push(name);
        continue;
      }
      const stat = fstatat(stack.fd, syscallPath(name));
      if (S_ISDIR(stat.mode)) directories.push(name);
      else if (stat.nlink > 1) {
        const path = (prefix + name) as RelPath;
        const group = paths.get(stat.devIno);
        if (group === undefined) paths.set(stat.devIno, [path]);
        else group.push(path);
      }
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
    if (pending.length === 0) break;
    stack.leave((fd) => {
      lender.takeBack(fd);
    });
  }
  lender.takeBack(stack.fd);
  return [...paths.values()].filter((group) => group.length > 1).map((group) => group.sort());
}
