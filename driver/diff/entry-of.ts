/** What a node on disk is in a tar, as far as stat(2) tells. */
import type { RelPath } from "../base/path-bytes.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "../sys/constants.ts";
import type { Stat } from "../sys/linux.ts";
import { type Owner, saidOwner } from "../sys/privileges.ts";
import type { EntryType } from "../tar/entry.ts";
import type { WritableEntry } from "../tar/tar-writer.ts";
import type { Xattrs } from "./exported-xattrs.ts";

const types: Readonly<Record<number, EntryType>> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFCHR]: "char-device",
  [S_IFBLK]: "block-device",
  [S_IFIFO]: "fifo",
};

/** Undefined for what a tar has no type for: a socket. */
export function entryTypeOf({ mode }: Stat): EntryType | undefined {
  return types[mode & S_IFMT];
}

/** Without a link's target. `standIn` is the owner on disk that is root in the tar; null for none but root. */
export function entryOf(
  path: RelPath,
  stat: Stat,
  { type, xattrs, standIn }: { readonly type: EntryType; readonly xattrs: Xattrs; readonly standIn: Owner | null },
): WritableEntry {
  const isDevice = type === "char-device" || type === "block-device";
  return {
    type,
    path,
    linkTarget: "",
    mode: stat.mode & 0o7777,
    ...saidOwner(stat, standIn),
    mtimeNs: stat.mtimeNs,
    sizeBytes: type === "file" ? stat.size : 0,
    devMajor: isDevice ? stat.rdevMajor : 0,
    devMinor: isDevice ? stat.rdevMinor : 0,
    xattrs,
  };
}
