/**
 * Copying owner, extended attributes, mode and times, in that order: giving a file away clears its setuid bits and
 * capabilities, and attributes can no longer be set once the mode forbids writing.
 */
import { isErrno } from "../base/errors.ts";
import {
  fchmod,
  fchmodat,
  fchown,
  fchownat,
  fgetxattr,
  flistxattr,
  fremovexattr,
  fsetxattr,
  fstat,
  getxattrat,
  listxattrat,
  setxattrat,
  utimensat,
  type PathLike,
  type Stat,
} from "./linux.ts";
import { S_ISLNK } from "./constants.ts";
import type { Privileges } from "./privileges.ts";

export interface CopyOptions {
  readonly privileges: Privileges;
  /** Overlay's mark of opaque directories is copied too: for a copy that stands on the same layers as the original. */
  readonly keepsOpaque?: boolean;
}

/**
 * Gives the open file or directory `destFd` the attributes of `srcFd`, or those of an earlier `stat` of it. Extended
 * attributes end up the same, but for overlay's marks and SELinux labels, which are neither copied nor removed. What
 * needs a privilege this process lacks, or an ability the file system lacks, is left out.
 */
export function copyAttributes(srcFd: number, destFd: number, options: CopyOptions, stat: Stat = fstat(srcFd)): void {
  if (options.privileges.canChown) fchown(destFd, stat.uid, stat.gid);
  const names = flistxattr(srcFd).filter((name) => isCopied(name, options));
  for (const name of flistxattr(destFd)) {
    if (isCopied(name, options) && !names.includes(name))
      tryAttribute(options, () => {
        fremovexattr(destFd, name);
      });
  }
  for (const name of names) {
    const value = fgetxattr(srcFd, name);
    if (value !== undefined)
      tryAttribute(options, () => {
        fsetxattr(destFd, name, value);
      });
  }
  fchmod(destFd, stat.mode & 0o7777);
  utimensat(destFd, null, stat.atimeNs, stat.mtimeNs);
}

/** {@link copyAttributes} for what has just been made and cannot be opened: symlinks, devices, fifos, sockets. */
export function copyAttributesAt(
  srcDirfd: number,
  srcName: PathLike,
  destDirfd: number,
  destName: PathLike,
  options: CopyOptions,
  stat: Stat,
): void {
  if (options.privileges.canChown) fchownat(destDirfd, destName, stat.uid, stat.gid);
  for (const name of listxattrat(srcDirfd, srcName).filter((each) => isCopied(each, options))) {
    const value = getxattrat(srcDirfd, srcName, name);
    if (value !== undefined)
      tryAttribute(options, () => {
        setxattrat(destDirfd, destName, name, value);
      });
  }
  if (!S_ISLNK(stat.mode)) fchmodat(destDirfd, destName, stat.mode & 0o7777);
  utimensat(destDirfd, destName, stat.atimeNs, stat.mtimeNs);
}

/** Overlay's marks belong to a place in a stack of layers, labels to the policy of a host. */
function isCopied(name: string, { keepsOpaque = false, privileges }: CopyOptions): boolean {
  if (keepsOpaque && name === `${privileges.overlayXattr}opaque`) return true;
  return !/^[a-z]+\.overlay\./.test(name) && name !== "security.selinux" && name !== "system.nfs4_acl";
}

function tryAttribute({ privileges }: CopyOptions, action: () => void): void {
  try {
    action();
  } catch (error) {
    const isAdministrator = privileges.overlayXattr === "trusted.overlay.";
    if (isErrno(error, "ENOTSUP") || (!isAdministrator && isErrno(error, "EPERM", "EACCES"))) return;
    throw error;
  }
}
