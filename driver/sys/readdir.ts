/** The entries of an open directory, as getdents64(2) gives them. */
import { Buffer } from "node:buffer";
import { addon } from "./addon.ts";
import { SEEK_SET } from "./constants.ts";
import { check } from "./errno.ts";

export type FileType =
  "file" | "directory" | "symlink" | "char-device" | "block-device" | "fifo" | "socket" | "unknown";

export interface DirEntry {
  /** Bytes as a latin1 string. */
  readonly name: string;
  /** "unknown" where the file system does not say. */
  readonly type: FileType;
}

/** DT_* of dirent.h. */
const typeByNumber: Readonly<Record<number, FileType>> = {
  1: "fifo",
  2: "char-device",
  4: "directory",
  6: "block-device",
  8: "file",
  10: "symlink",
  12: "socket",
};

/** Of struct linux_dirent64: u64 inode, i64 offset, u16 record length, u8 type, name with a NUL behind. */
const recordLengthOffset = 16;
const typeOffset = 18;
const nameOffset = 19;

const scratch: Buffer = Buffer.allocUnsafeSlow(65536);

/** All entries but "." and "..", in the file system's order, from the beginning whatever was read before. */
export function readdir(fd: number): DirEntry[] {
  check(addon.lseek(fd, 0, SEEK_SET), "lseek");
  const entries: DirEntry[] = [];
  for (;;) {
    const filled = check(addon.getdents64(fd, scratch), "getdents64");
    if (filled === 0) return entries;
    for (let start = 0; start < filled;) {
      const end = start + scratch.readUInt16LE(start + recordLengthOffset);
      const name = scratch.toString("latin1", start + nameOffset, scratch.indexOf(0, start + nameOffset));
      if (name !== "." && name !== "..") {
        entries.push({ name, type: typeByNumber[scratch[start + typeOffset] ?? 0] ?? "unknown" });
      }
      start = end;
    }
  }
}
