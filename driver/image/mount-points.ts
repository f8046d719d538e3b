/**
 * What stands where each container gets something of its own: hosts, host name and resolver, and the kernel's file
 * systems. Where the image lacks them, starting a container leaves empty files and directories to mount on, which are no
 * change that anybody made.
 */
import { readdirSync } from "node:fs";
import { isErrno } from "../base/errors.ts";
import { joinPath, type RelPath, rootPath } from "../base/path-bytes.ts";
import { LowerView } from "../extract/lower-view.ts";
import type { LowerLayer } from "../extract/staged-layer.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_ISDIR, S_ISREG } from "../sys/constants.ts";
import { closeFd, fstat, openat, tryFstatat, unlinkat, utimensat } from "../sys/linux.ts";

/** All the files are in here. */
export const mountPointDirectory = "etc" as RelPath;
const fileNames = ["hostname", "hosts", "resolv.conf"];
const directoryNames = ["dev", "proc", "sys"];

/** Removes them from a captured `tree` that stands on `lowers`; the directories that they were in keep their times. */
export function dropMountPoints(tree: string, lowers: readonly LowerLayer[]): void {
  using below = new LowerView(lowers);
  const drop = (directory: RelPath, found: readonly string[], flags: number): void => {
    const ours = found.filter((name) => below.lookup(joinPath(directory, name)) === undefined);
    if (ours.length === 0) return;
    withDirectory(tree, directory, (fd) => {
      const { atimeNs, mtimeNs } = fstat(fd);
      for (const name of ours) unlinkat(fd, name, flags);
      utimensat(fd, null, atimeNs, mtimeNs);
    });
  };
  drop(mountPointDirectory, withDirectory(tree, mountPointDirectory, emptyFiles) ?? [], 0);
  drop(rootPath, withDirectory(tree, rootPath, emptyDirectories) ?? [], AT_REMOVEDIR);
}

/** Whether a path that a container added is such a place. */
export function isMountPoint(tree: string, path: RelPath): boolean {
  const isFile = fileNames.some((name) => joinPath(mountPointDirectory, name) === path);
  if (!isFile && !directoryNames.includes(path)) return false;
  const [directory, look] = isFile ? [mountPointDirectory, emptyFiles] : [rootPath, emptyDirectories];
  return withDirectory(tree, directory, look)?.some((name) => joinPath(directory, name) === path) ?? false;
}

/** Whether their directory is but for its names what it is below. */
export function keptAttributes(tree: string, lowers: readonly LowerLayer[]): boolean {
  const own = withDirectory(tree, mountPointDirectory, fstat);
  using view = new LowerView(lowers);
  const below = view.lookup(mountPointDirectory)?.stat;
  if (own === undefined || below === undefined) return false;
  return (["mode", "uid", "gid", "mtimeNs"] as const).every((field) => own[field] === below[field]);
}

function emptyFiles(fd: number): readonly string[] {
  return fileNames.filter((name) => {
    const stat = tryFstatat(fd, name);
    return stat !== undefined && S_ISREG(stat.mode) && stat.size === 0 && stat.nlink === 1;
  });
}

function emptyDirectories(fd: number): readonly string[] {
  return directoryNames.filter((name) => {
    const stat = tryFstatat(fd, name);
    return stat !== undefined && S_ISDIR(stat.mode) && isEmpty(fd, name);
  });
}

function isEmpty(parentFd: number, name: string): boolean {
  const fd = openat(parentFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    return readdirSync(`/proc/self/fd/${fd}`).length === 0;
  } finally {
    closeFd(fd);
  }
}

/** Never through a symlink: a container may have put one there. */
function withDirectory<T>(tree: string, path: RelPath, look: (fd: number) => T): T | undefined {
  const rootFd = openat(AT_FDCWD, tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const fd = openat(rootFd, path === rootPath ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      return look(fd);
    } finally {
      closeFd(fd);
    }
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return undefined;
    throw error;
  } finally {
    closeFd(rootFd);
  }
}
