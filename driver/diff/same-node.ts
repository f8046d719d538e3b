/** Whether a file below and one above are the same in all that a layer can say. */
import { readSync } from "node:fs";
import { latin1Of, rootPath } from "../base/path-bytes.ts";
import { syscallPath } from "../extract/beneath.ts";
import type { LowerNode, LowerView } from "../extract/lower-view.ts";
import { S_IFMT, S_ISBLK, S_ISCHR, S_ISDIR, S_ISLNK, S_ISREG, S_ISSOCK } from "../sys/constants.ts";
import { openSource } from "../sys/copy-file.ts";
import { getxattrat, listxattrat, readlinkat, type PathLike, type Stat } from "../sys/linux.ts";
import { exportedXattrs, noXattrs, sameXattrs, type Xattrs } from "./exported-xattrs.ts";

/** A file by an open directory and a name in it, that are there while `use` runs. */
export interface PlacedNode {
  readonly stat: Stat;
  use<T>(action: (dirfd: number, name: PathLike) => T): T;
}

export function placedBelow(view: LowerView, node: LowerNode): PlacedNode {
  return {
    stat: node.stat,
    use: (action) =>
      node.path === rootPath
        ? view.withParent(node, (dirfd) => action(dirfd, "."))
        : view.withParent(node, (dirfd, name) => action(dirfd, syscallPath(name))),
  };
}

/** Tar has no sockets, and to overlay a char device 0:0 is a whiteout. */
export function canBeSaid({ mode, rdevMajor, rdevMinor }: Stat): boolean {
  return !S_ISSOCK(mode) && !(S_ISCHR(mode) && rdevMajor === 0 && rdevMinor === 0);
}

export function xattrsOf(node: PlacedNode, overlayXattr: string | null): Xattrs {
  if (S_ISLNK(node.stat.mode)) return noXattrs;
  return node.use((dirfd, name) =>
    exportedXattrs(
      { list: () => listxattrat(dirfd, name), get: (xattr) => getxattrat(dirfd, name, xattr) },
      overlayXattr,
    ),
  );
}

export function linkTargetOf(node: PlacedNode): string {
  return node.use((dirfd, name) => latin1Of(readlinkat(dirfd, name)));
}

/** Type, mode, owner and mtime. Symlinks have no mode of their own, sizes are compared where they mean something. */
export function sameStat(upper: Stat, lower: Stat): boolean {
  const mask = S_ISLNK(upper.mode) ? S_IFMT : S_IFMT | 0o7777;
  if ((upper.mode & mask) !== (lower.mode & mask)) return false;
  if (upper.uid !== lower.uid || upper.gid !== lower.gid || upper.mtimeNs !== lower.mtimeNs) return false;
  if (S_ISREG(upper.mode) || S_ISLNK(upper.mode)) return upper.size === lower.size;
  if (!S_ISCHR(upper.mode) && !S_ISBLK(upper.mode)) return true;
  return upper.rdevMajor === lower.rdevMajor && upper.rdevMinor === lower.rdevMinor;
}

/** Of anything but directories. `overlayXattr` as for {@link exportedXattrs}, of the upper side. */
export function sameNode(upper: PlacedNode, lower: PlacedNode, overlayXattr: string | null): boolean {
  if (S_ISDIR(upper.stat.mode) || !sameStat(upper.stat, lower.stat)) return false;
  if (upper.stat.devIno === lower.stat.devIno) return true;
  if (S_ISLNK(upper.stat.mode)) return linkTargetOf(upper) === linkTargetOf(lower);
  if (!sameXattrs(xattrsOf(upper, overlayXattr), xattrsOf(lower, null))) return false;
  return !S_ISREG(upper.stat.mode) || !isWholeSecond(upper.stat.mtimeNs) || sameContent(upper, lower);
}

/** A clock that ticks in nanoseconds tells changes apart; times from archives and `touch -d` do not. */
function isWholeSecond(ns: bigint): boolean {
  return ns % 1_000_000_000n === 0n;
}

const chunkBytes = 256 * 1024;
const upperChunk = Buffer.allocUnsafeSlow(chunkBytes);
const lowerChunk = Buffer.allocUnsafeSlow(chunkBytes);

function sameContent(upper: PlacedNode, lower: PlacedNode): boolean {
  if (upper.stat.size === 0) return true;
  return upper.use((upperDir, upperName) => {
    using above = openSource(upperDir, upperName);
    return lower.use((lowerDir, lowerName) => {
      using below = openSource(lowerDir, lowerName);
      for (let at = 0; ;) {
        const got = readChunk(above.fd, upperChunk, at);
        if (readChunk(below.fd, lowerChunk, at) !== got) return false;
        if (got === 0) return true;
        if (upperChunk.compare(lowerChunk, 0, got, 0, got) !== 0) return false;
        at += got;
      }
    });
  });
}

/** Fills the chunk but at the end of the file. */
function readChunk(fd: number, chunk: Buffer, at: number): number {
  let filled = 0;
  while (filled < chunk.length) {
    const got = readSync(fd, chunk, filled, chunk.length - filled, at + filled);
    if (got === 0) break;
    filled += got;
  }
  return filled;
}
