/** The words of fstab that are flags of mount(2), fstab(5) and mount(8); all other options go to the file system. */
import {
  MS_BIND,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_STRICTATIME,
} from "../sys/constants.ts";

/** `clear` before `set`: a later word wins over an earlier one. */
const words: Readonly<Record<string, { readonly set?: number; readonly clear?: number }>> = {
  defaults: {},
  rw: { clear: MS_RDONLY },
  ro: { set: MS_RDONLY },
  suid: { clear: MS_NOSUID },
  nosuid: { set: MS_NOSUID },
  dev: { clear: MS_NODEV },
  nodev: { set: MS_NODEV },
  exec: { clear: MS_NOEXEC },
  noexec: { set: MS_NOEXEC },
  atime: { clear: MS_NOATIME },
  noatime: { set: MS_NOATIME },
  diratime: { clear: MS_NODIRATIME },
  nodiratime: { set: MS_NODIRATIME },
  relatime: { set: MS_RELATIME },
  strictatime: { set: MS_STRICTATIME },
  bind: { set: MS_BIND },
  rbind: { set: MS_BIND | MS_REC },
};

export interface MountFlags {
  /** Bits of mount(2)'s mountflags. */
  readonly flags: number;
  /** Options that are no flags, in their order. */
  readonly rest: readonly string[];
}

export function parseMountFlags(options: readonly string[]): MountFlags {
  let flags = 0;
  const rest: string[] = [];
  for (const option of options) {
    const word = Object.hasOwn(words, option) ? words[option] : undefined;
    if (word === undefined) rest.push(option);
    else flags = (flags & ~(word.clear ?? 0)) | (word.set ?? 0);
  }
  return { flags, rest };
}
