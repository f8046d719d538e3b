/** Calls on what open regular files hold. */
import { addon } from "./addon.ts";
import { check, EINVAL, ENOSYS, ENOTTY, ENXIO, EOPNOTSUPP, EXDEV } from "./errno.ts";

/** Writes all of `bytes` at the file's position. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    done += check(addon.write(fd, bytes, done, bytes.length - done), "write");
  }
}

/** Writes all of `bytes` from `position` on; the file's position stays. */
export function pwriteAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += check(addon.pwrite(fd, bytes, done, bytes.length - done, position + done), "pwrite");
  }
}

/** The offset found; -1 for SEEK_DATA where only a hole follows. */
export function lseek(fd: number, offset: number, whence: number): number {
  const result = addon.lseek(fd, offset, whence);
  return result === -ENXIO ? -1 : check(result, "lseek");
}

/** False where the file system cannot. `mode` of FALLOC_FL_*; 0 allocates and grows. */
export function fallocate(fd: number, mode: number, offset: number, length: number): boolean {
  const result = addon.fallocate(fd, mode, offset, length);
  if (result === -EOPNOTSUPP || result === -ENOSYS) return false;
  check(result, "fallocate");
  return true;
}

/** Bytes copied, perhaps fewer than asked; 0 at the end of the source. */
export function copyFileRange(
  fdIn: number,
  offsetIn: number,
  fdOut: number,
  offsetOut: number,
  length: number,
): number {
  return check(addon.copyFileRange(fdIn, offsetIn, fdOut, offsetOut, length), "copy_file_range");
}

/** Makes all of `destFd` share the blocks of `srcFd`; false where the two file systems cannot do so. */
export function ficlone(destFd: number, srcFd: number): boolean {
  const result = addon.ficlone(destFd, srcFd);
  if (result === -EOPNOTSUPP || result === -EXDEV || result === -EINVAL || result === -ENOTTY) return false;
  check(result, "ficlone");
  return true;
}
