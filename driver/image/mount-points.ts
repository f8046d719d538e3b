/**
 * Files that stand where each container gets one of its own: hosts, host name and resolver. Where the image lacks them,
 * starting a container leaves empty ones to mount on, which are no change that anybody made.
 */
import { isErrno } from "../base/errors.ts";
import { joinPath, type RelPath } from "../base/path-bytes.ts";
import { LowerView } from "../extract/lower-view.ts";
import type { LowerLayer } from "../extract/staged-layer.ts";
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_ISREG } from "../sys/constants.ts";
import { closeFd, fstat, openat, tryFstatat, unlinkat, utimensat } from "../sys/linux.ts";

/** They are all in here. */
export const mountPointDirectory = "etc" as RelPath;
const names = ["hostname", "hosts", "resolv.conf"];

/** Removes them from a captured `tree` that stands on `lowers`; its directory keeps its time. */
export function dropMountPoints(tree: string, lowers: readonly LowerLayer[]): void {
  const found = withDirectory(tree, (fd) => emptyFiles(fd));
  if (found === undefined || found.length === 0) return;
  using below = new LowerView(lowers);
  const ours = found.filter((name) => below.lookup(joinPath(mountPointDirectory, name)) === undefined);
  if (ours.length === 0) return;
  withDirectory(tree, (fd) => {
    const { atimeNs, mtimeNs } = fstat(fd);
    for (const name of ours) unlinkat(fd, name);
    utimensat(fd, null, atimeNs, mtimeNs);
  });
}

/** Whether a path that a container added is such a file. */
export function isMountPoint(tree: string, path: RelPath): boolean {
  return (
    withDirectory(tree, (fd) => emptyFiles(fd))?.some((name) => joinPath(mountPointDirectory, name) === path) ?? false
  );
}

/** Whether their directory is but for its names what it is below. */
export function keptAttributes(tree: string, lowers: readonly LowerLayer[]): boolean {
  const own = withDirectory(tree, (fd) => fstat(fd));
  using view = new LowerView(lowers);
  const below = view.lookup(mountPointDirectory)?.stat;
  if (own === undefined || below === undefined) return false;
  return (["mode", "uid", "gid", "mtimeNs"] as const).every((field) => own[field] === below[field]);
}

function emptyFiles(fd: number): readonly string[] {
  return names.filter((name) => {
    const stat = tryFstatat(fd, name);
    return stat !== undefined && S_ISREG(stat.mode) && stat.size === 0 && stat.nlink === 1;
  });
}

/** Never through a symlink: a container may have put one there. */
function withDirectory<T>(tree: string, look: (fd: number) => T): T | undefined {
  const rootFd = openat(AT_FDCWD, tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const fd = openat(rootFd, mountPointDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
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
