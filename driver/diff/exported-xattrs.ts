/** Which extended attributes a layer says, and in what form. */
import { StorageError } from "../base/errors.ts";
import { fgetxattr, flistxattr } from "../sys/linux.ts";

export type Xattrs = ReadonlyMap<string, Uint8Array>;

export const noXattrs: Xattrs = new Map();

/** A file's extended attributes, wherever they are read from. Names are latin1. */
export interface XattrSource {
  list(): readonly string[];
  get(name: string): Uint8Array | undefined;
}

/**
 * What users, ACLs and file capabilities say. Overlay's marks belong to a place in a stack of layers, trusted.* to the
 * host's administrator, labels to a host's policy. `overlayXattr` is the prefix of an overlay's marks, null for a plain
 * tree.
 * @throws {StorageError} ERR_FAILED_PRECONDITION where overlay keeps the file's content or name somewhere else.
 */
export function exportedXattrs(source: XattrSource, overlayXattr: string | null): Xattrs {
  const names = source.list();
  if (names.length === 0) return noXattrs;
  const xattrs = new Map<string, Uint8Array>();
  for (const name of names) {
    if (overlayXattr !== null) refuseElsewhere(name, overlayXattr);
    if (!isExported(name)) continue;
    const value = source.get(name);
    if (value !== undefined) xattrs.set(name, name === "security.capability" ? withoutRootId(value) : value);
  }
  return xattrs;
}

/** {@link exportedXattrs} of an open file. */
export function exportedXattrsOf(fd: number, overlayXattr: string | null): Xattrs {
  return exportedXattrs({ list: () => flistxattr(fd), get: (name) => fgetxattr(fd, name) }, overlayXattr);
}

/** Whether PAX has a form for it: `key=value` records, where no value means deletion. */
export function hasPaxForm([name, value]: readonly [string, Uint8Array]): boolean {
  return value.length > 0 && !name.includes("=");
}

export function sameXattrs(one: Xattrs, other: Xattrs): boolean {
  if (one.size !== other.size) return false;
  for (const [name, value] of one) {
    const there = other.get(name);
    if (there === undefined || Buffer.compare(value, there) !== 0) return false;
  }
  return true;
}

function isExported(name: string): boolean {
  if (name.startsWith("user.")) return !name.startsWith("user.overlay.");
  return name === "security.capability" || name === "system.posix_acl_access" || name === "system.posix_acl_default";
}

/** kernel Documentation/filesystems/overlayfs.rst: redirect_dir, metacopy. */
function refuseElsewhere(name: string, overlayXattr: string): void {
  if (name !== `${overlayXattr}redirect` && name !== `${overlayXattr}metacopy`) return;
  throw new StorageError(
    "ERR_FAILED_PRECONDITION",
    `it has ${name}, so a part of it is in another directory: mount the overlay with redirect_dir=off,metacopy=off`,
    { details: { xattr: name } },
  );
}

const revisionMask = 0xff000000;
const revision2 = 0x02000000;
const revision3 = 0x03000000;
const revision2Bytes = 20;

/**
 * A capability set in a user namespace names that namespace's root, which means nothing elsewhere (linux/capability.h:
 * vfs_ns_cap_data is vfs_cap_data with one more word).
 */
function withoutRootId(value: Uint8Array): Uint8Array {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length <= revision2Bytes) return value;
  const magic = view.getUint32(0, true);
  if ((magic & revisionMask) >>> 0 !== revision3) return value;
  const plain = Buffer.from(value.subarray(0, revision2Bytes));
  plain.writeUInt32LE(((magic & ~revisionMask) | revision2) >>> 0, 0);
  return plain;
}
