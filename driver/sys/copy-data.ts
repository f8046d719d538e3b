/** Copying what a regular file holds, with its holes, in the cheapest way the file systems allow. */
import { Buffer } from "node:buffer";
import { ftruncateSync, readSync } from "node:fs";
import { isErrno } from "../base/errors.ts";
import { SEEK_DATA, SEEK_HOLE } from "./constants.ts";
import { copyFileRange, ficlone, lseek, pwriteAll, type Stat } from "./linux.ts";

const chunkBytes = 1 << 20;
const rangeBytes = 1 << 30;

/** Remembers what does not work between two file systems: use one for files of the same pair. */
export class DataCopier {
  #mayClone = true;
  #mayCopyRange = true;
  #buffer: Buffer | undefined;

  /** Into the empty file `destFd`; `stat` is of `srcFd`. A source that shrinks meanwhile leaves a hole at the end. */
  copy(srcFd: number, destFd: number, stat: Stat): void {
    if (stat.size === 0) return;
    if (this.#mayClone) {
      if (ficlone(destFd, srcFd)) return;
      this.#mayClone = false;
    }
    const hasHoles = stat.blocks * 512 < stat.size;
    const end = hasHoles ? this.#copySegments(srcFd, destFd, stat.size) : this.#copyRange(srcFd, destFd, 0, stat.size);
    if (end < stat.size) ftruncateSync(destFd, stat.size);
  }

  /** Returns where the last data ends. */
  #copySegments(srcFd: number, destFd: number, size: number): number {
    let end = 0;
    while (end < size) {
      const start = lseek(srcFd, end, SEEK_DATA);
      if (start < 0 || start >= size) break;
      const hole = lseek(srcFd, start, SEEK_HOLE);
      const segmentEnd = hole < 0 ? size : Math.min(hole, size);
      if (this.#copyRange(srcFd, destFd, start, segmentEnd) < segmentEnd) break;
      end = segmentEnd;
    }
    return end;
  }

  /** Returns where it had to stop: `end`, or earlier at the end of the source. */
  #copyRange(srcFd: number, destFd: number, start: number, end: number): number {
    let offset = start;
    while (this.#mayCopyRange && offset < end) {
      try {
        const copied = copyFileRange(srcFd, offset, destFd, offset, Math.min(end - offset, rangeBytes));
        if (copied === 0) break;
        offset += copied;
      } catch (error) {
        if (!isErrno(error, "EXDEV", "EINVAL", "ENOSYS", "ENOTSUP", "EBADF", "EPERM")) throw error;
        this.#mayCopyRange = false;
      }
    }
    return offset < end ? this.#copyThroughMemory(srcFd, destFd, offset, end) : end;
  }

  #copyThroughMemory(srcFd: number, destFd: number, start: number, end: number): number {
    const buffer = (this.#buffer ??= Buffer.allocUnsafeSlow(chunkBytes));
    let offset = start;
    while (offset < end) {
      const length = readSync(srcFd, buffer, 0, Math.min(buffer.length, end - offset), offset);
      if (length === 0) break;
      pwriteAll(destFd, buffer.subarray(0, length), offset);
      offset += length;
    }
    return offset;
  }
}
