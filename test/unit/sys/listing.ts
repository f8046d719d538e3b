import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { bytesOf } from "../../../driver/base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_ISDIR, S_ISLNK, S_ISREG } from "../../../driver/sys/constants.ts";
import * as linux from "../../../driver/sys/linux.ts";

/**
 * All that a copy of `path` must keep, a line a file: type and mode, owner, device, mtime, size, contents, extended
 * attributes, and the first path of the same inode. Not for deep trees.
 */
export function listing(path: string): string[] {
  const lines: string[] = [];
  const first = new Map<string, string>();
  const visit = (dirfd: number, name: string, shown: string): void => {
    const bytes = bytesOf(name);
    const stat = linux.fstatat(dirfd, bytes);
    const isDirectory = S_ISDIR(stat.mode);
    const same = first.get(stat.devIno);
    if (same === undefined) first.set(stat.devIno, shown);
    const content = S_ISREG(stat.mode)
      ? hashOf(dirfd, bytes)
      : S_ISLNK(stat.mode)
        ? linux.readlinkat(dirfd, bytes).toString("latin1")
        : "";
    const xattrs = linux
      .listxattrat(dirfd, bytes)
      .sort()
      .map((key) => `${key}=${linux.getxattrat(dirfd, bytes, key)?.toString("latin1") ?? ""}`);
    const numbers = [stat.uid, stat.gid, stat.rdevMajor, stat.rdevMinor, isDirectory ? 0 : stat.size];
    const parts = [shown, stat.mode.toString(8), ...numbers, stat.mtimeNs, content, ...xattrs, same ?? ""];
    lines.push(JSON.stringify(parts.map(String)));
    if (!isDirectory) return;
    const fd = linux.openat(dirfd, bytes, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const names = linux.readdir(fd).map((entry) => entry.name);
    for (const child of names.sort()) visit(fd, child, `${shown}/${child}`);
    linux.closeFd(fd);
  };
  const fd = linux.openat(linux.AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  visit(fd, ".", ".");
  linux.closeFd(fd);
  return lines;
}

function hashOf(dirfd: number, name: Buffer): string {
  const fd = linux.openat(dirfd, name, O_RDONLY | O_NOFOLLOW);
  try {
    return createHash("sha256").update(readFileSync(fd)).digest("hex").slice(0, 16);
  } finally {
    linux.closeFd(fd);
  }
}
