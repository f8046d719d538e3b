/** Giving files the attributes of tar entries. */
import { isErrno } from "../base/errors.ts";
import { shownPath } from "../base/path-bytes.ts";
import {
  fchmod,
  fchmodat,
  fchown,
  fchownat,
  fsetxattr,
  listxattrat,
  removexattrat,
  setxattrat,
  utimensat,
  type PathLike,
} from "../sys/linux.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { TarEntry } from "../tar/entry.ts";
import type { Warnings } from "./warnings.ts";

/**
 * Attributes an image may set. trusted.* belongs to the host's administrator, *.overlay.* would make the kernel read
 * other files of the lower layers, labels and NFS ACLs mean nothing on another host.
 */
export function isKeptXattr(name: string): boolean {
  if (name.startsWith("trusted.") || /^[^.]*\.overlay\./.test(name)) return false;
  return name !== "security.selinux" && name !== "system.nfs4_acl";
}

/** ACLs of directories come last: they would be inherited by what is made inside, and forbid it to its owner. */
export function isAcl(name: string): boolean {
  return name.startsWith("system.posix_acl_");
}

/**
 * Owner, then extended attributes, then mode, then times: giving a file away clears capabilities and setuid bits, an
 * ACL changes the mode, all of them touch times. The process's umask plays no part.
 */
/** Ids are needed to give files to; with them a user namespace lays every owner. */
const oneOwner =
  "owners are not kept: this user has one id here, and everything is its own (with ids in /etc/subuid, " +
  "`unshare --user --map-root-user --map-auto --mount` before each command keeps them)";

export class AttributeWriter {
  readonly #privileges: Privileges;
  readonly #warnings: Warnings;

  constructor(privileges: Privileges, warnings: Warnings) {
    this.#privileges = privileges;
    this.#warnings = warnings;
  }

  /** An open regular file, all written. */
  toFile(fd: number, entry: TarEntry): void {
    if (this.#mayChown()) fchown(fd, entry.uid, entry.gid);
    if (entry.xattrs.size > 0) {
      this.#each(
        entry,
        () => true,
        (name, value) => {
          fsetxattr(fd, name, value);
        },
      );
    }
    fchmod(fd, entry.mode);
    utimensat(fd, null, entry.mtimeNs, entry.mtimeNs);
  }

  /** A symlink, device or fifo just made. */
  toNode(dirfd: number, name: PathLike, entry: TarEntry): void {
    if (this.#mayChown()) fchownat(dirfd, name, entry.uid, entry.gid);
    if (entry.xattrs.size > 0) {
      this.#each(
        entry,
        () => true,
        (xattr, value) => {
          setxattrat(dirfd, name, xattr, value);
        },
      );
    }
    if (entry.type !== "symlink") fchmodat(dirfd, name, entry.mode);
    utimensat(dirfd, name, entry.mtimeNs, entry.mtimeNs);
  }

  /** A directory's owner and extended attributes but ACLs; those it had before go. Mode and times come at the end. */
  toDirectory(dirfd: number, name: PathLike, entry: TarEntry, isNew: boolean): void {
    if (this.#mayChown()) fchownat(dirfd, name, entry.uid, entry.gid);
    if (!isNew) {
      for (const xattr of listxattrat(dirfd, name)) {
        if (isKeptXattr(xattr)) removexattrat(dirfd, name, xattr);
      }
    }
    if (entry.xattrs.size === 0) return;
    this.#each(
      entry,
      (xattr) => !isAcl(xattr),
      (xattr, value) => {
        setxattrat(dirfd, name, xattr, value);
      },
    );
  }

  /** The ACLs that {@link toDirectory} left out. */
  aclsToDirectory(fd: number, acls: readonly (readonly [string, Uint8Array])[], shown: string): void {
    for (const [name, value] of acls) {
      this.#attempt(name, shown, () => {
        fsetxattr(fd, name, value);
      });
    }
  }

  /** A directory that no entry has named belongs to root. */
  toImplied(dirfd: number, name: PathLike): void {
    if (this.#privileges.canChown) fchownat(dirfd, name, 0, 0);
  }

  #mayChown(): boolean {
    if (this.#privileges.canChown) return true;
    this.#warnings.add(oneOwner);
    return false;
  }

  #each(entry: TarEntry, wants: (name: string) => boolean, set: (name: string, value: Uint8Array) => void): void {
    for (const [name, value] of entry.xattrs) {
      if (!isKeptXattr(name)) {
        this.#warnings.add(`extended attributes ${shownPath(name)} are dropped: an image may not set them`);
      } else if (wants(name)) {
        this.#attempt(name, shownPath(entry.path), () => {
          set(name, value);
        });
      }
    }
  }

  /** Layers are made on all sorts of file systems: what this one or this process cannot keep is no reason to refuse. */
  #attempt(name: string, shown: string, set: () => void): void {
    try {
      set();
    } catch (error) {
      if (!isErrno(error, "ENOTSUP", "EPERM")) throw error;
      this.#warnings.add(`extended attribute ${shownPath(name)} of ${shown} is dropped: not possible here`);
    }
  }
}
