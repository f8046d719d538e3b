/** What this kernel offers, found by harmless tries; what `laminate info` shows. */
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { addon } from "./addon.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_DIRECTORY, O_PATH } from "./constants.ts";
import { ENOSYS } from "./errno.ts";

export interface KernelFeatures {
  readonly release: string;
  /** The file system is there; as a module that is not loaded yet it does not count. */
  readonly overlay: boolean;
  readonly erofs: boolean;
  /** openat2 (Linux 5.6), without which nothing is extracted. */
  readonly openat2: boolean;
  /** fsopen and its kin (Linux 5.2): mounts with more layers than a page of options holds. */
  readonly mountApi: boolean;
  /** fchmodat2 (Linux 6.6); /proc serves without. */
  readonly fchmodat2: boolean;
  /** Unprivileged user namespaces are not switched off by sysctl. */
  readonly userNamespaces: boolean;
}

export function kernelRelease(): string {
  return release();
}

/** True from Linux `major`.`minor` on. Prefer a try: distributions carry new features back. */
export function kernelAtLeast(major: number, minor: number, of: string = release()): boolean {
  const [ownMajor = 0, ownMinor = 0] = of.split(/[.-]/, 2).map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** True when /proc/filesystems lists `type`, such as "overlay". */
export function hasFilesystem(type: string): boolean {
  return tryRead("/proc/filesystems")
    .split("\n")
    .some((line) => line.split("\t")[1] === type);
}

export function kernelFeatures(): KernelFeatures {
  return {
    release: kernelRelease(),
    overlay: hasFilesystem("overlay"),
    erofs: hasFilesystem("erofs"),
    openat2: hasOpenat2(),
    // No descriptor is -1, so these fail in any case, but not with ENOSYS where they exist.
    mountApi: addon.fsmount(-1, 0, 0) !== -ENOSYS,
    fchmodat2: addon.fchmodat2(-1, "x", 0, AT_SYMLINK_NOFOLLOW) !== -ENOSYS,
    userNamespaces: hasUserNamespaces(),
  };
}

/** Also false where a sandbox refuses it. */
function hasOpenat2(): boolean {
  const fd = addon.openat2(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0);
  if (fd >= 0) addon.close(fd);
  return fd >= 0;
}

function hasUserNamespaces(): boolean {
  return (
    tryRead("/proc/sys/user/max_user_namespaces").trim() !== "0" &&
    tryRead("/proc/sys/kernel/unprivileged_userns_clone").trim() !== "0" &&
    tryRead("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").trim() !== "1"
  );
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
