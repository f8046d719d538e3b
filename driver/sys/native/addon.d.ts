/**
 * The addon's functions, side by side with binding.c: same names, same order of arguments. Each makes one system call
 * (retried on EINTR, but for close) and returns its result or a negative errno; none throws for a failed call, none
 * holds state. A path is a string (UTF-8) or bytes; one that holds a NUL gives -EINVAL, one of 4096 bytes or more
 * -ENAMETOOLONG, and so does a number that the kernel's argument cannot hold (-EINVAL): nothing is cut or wrapped.
 * Arguments of a wrong type throw a TypeError. Where something may be absent it is null.
 */
export type NativePath = string | Uint8Array;

export interface Addon {
  openat(dirfd: number, path: NativePath, flags: number, mode: number): number;
  openat2(dirfd: number, path: NativePath, flags: number, mode: number, resolve: number): number;
  close(fd: number): number;
  mkdirat(dirfd: number, path: NativePath, mode: number): number;
  mknodat(dirfd: number, path: NativePath, mode: number, major: number, minor: number): number;
  linkat(oldDirfd: number, oldPath: NativePath, newDirfd: number, newPath: NativePath, flags: number): number;
  symlinkat(target: NativePath, dirfd: number, path: NativePath): number;
  /** Bytes written to `out`; as many as `out` holds means that the target may have been longer. */
  readlinkat(dirfd: number, path: NativePath, out: Uint8Array): number;
  renameat2(oldDirfd: number, oldPath: NativePath, newDirfd: number, newPath: NativePath, flags: number): number;
  unlinkat(dirfd: number, path: NativePath, flags: number): number;

  fchown(fd: number, uid: number, gid: number): number;
  fchownat(dirfd: number, path: NativePath, uid: number, gid: number, flags: number): number;
  fchmod(fd: number, mode: number): number;
  fchmodat(dirfd: number, path: NativePath, mode: number): number;
  fchmodat2(dirfd: number, path: NativePath, mode: number, flags: number): number;
  /** `path` null: the file that `dirfd` is. */
  utimensat(
    dirfd: number,
    path: NativePath | null,
    atimeSeconds: number,
    atimeNanos: number,
    mtimeSeconds: number,
    mtimeNanos: number,
    flags: number,
  ): number;
  /** Fills `out` in the order of `statFields` in stat.ts. */
  statx(dirfd: number, path: NativePath, flags: number, out: Float64Array): number;
  getdents64(fd: number, out: Uint8Array): number;

  fgetxattr(fd: number, name: NativePath, out: Uint8Array): number;
  fsetxattr(fd: number, name: NativePath, value: Uint8Array, flags: number): number;
  flistxattr(fd: number, out: Uint8Array): number;
  fremovexattr(fd: number, name: NativePath): number;
  lgetxattr(path: NativePath, name: NativePath, out: Uint8Array): number;
  lsetxattr(path: NativePath, name: NativePath, value: Uint8Array, flags: number): number;
  llistxattr(path: NativePath, out: Uint8Array): number;
  lremovexattr(path: NativePath, name: NativePath): number;

  write(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  pwrite(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  lseek(fd: number, offset: number, whence: number): number;
  fallocate(fd: number, mode: number, offset: number, length: number): number;
  copyFileRange(fdIn: number, offsetIn: number, fdOut: number, offsetOut: number, length: number): number;
  ficlone(destFd: number, srcFd: number): number;
  syncfs(fd: number): number;
  flock(fd: number, operation: number): number;
  /** Puts seconds and nanoseconds into `out`. */
  clockGettime(clock: number, out: Float64Array): number;
  /** From a socket of the moment; `address` is a sockaddr_un. */
  sendDatagram(address: Uint8Array, bytes: Uint8Array): number;

  /** Puts the descriptors to read from and to write to into `out`. */
  pipe2(flags: number, out: Float64Array): number;
  /** Opens the other end of a pseudo-terminal. */
  terminalPeer(fd: number, flags: number): number;
  /** For requests that fill or read a structure. -EINVAL when `argument` has fewer bytes than `request` says, or 36. */
  ioctlBytes(fd: number, request: number, argument: Uint8Array): number;

  mount(
    source: NativePath | null,
    target: NativePath,
    type: NativePath | null,
    flags: number,
    data: NativePath | null,
  ): number;
  umount2(target: NativePath, flags: number): number;
  fsopen(type: NativePath, flags: number): number;
  fsconfig(fd: number, command: number, key: NativePath | null, value: NativePath | null, aux: number): number;
  fsmount(fd: number, flags: number, attributes: number): number;
  moveMount(fromDirfd: number, fromPath: NativePath, toDirfd: number, toPath: NativePath, flags: number): number;
  openTree(dirfd: number, path: NativePath, flags: number): number;
}
