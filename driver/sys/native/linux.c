/*
 * System calls by number, straight to the kernel: the built file needs no C library, so that one file serves glibc of
 * any age and musl. The kernel returns -errno, and so do these.
 */
#include "sys.h"

#include <asm/unistd.h>
#include <linux/stat.h>

/* Newer than the oldest headers this builds with. Numbers from 424 on are the same on every architecture. */
#ifndef __NR_open_tree
#define __NR_open_tree 428
#endif
#ifndef __NR_move_mount
#define __NR_move_mount 429
#endif
#ifndef __NR_fsopen
#define __NR_fsopen 430
#endif
#ifndef __NR_fsconfig
#define __NR_fsconfig 431
#endif
#ifndef __NR_fsmount
#define __NR_fsmount 432
#endif
#ifndef __NR_openat2
#define __NR_openat2 437
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

#define SYS_EINTR 4
#define SYS_AF_UNIX 1
#define SYS_SOCK_DGRAM_CLOEXEC 02000002
#define SYS_MSG_NOSIGNAL 0x4000
#define SYS_FICLONE 0x40049409
#define SYS_TIOCGPTPEER 0x5441

#if defined(__x86_64__)
static int64_t raw(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
static int64_t raw(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}
#else
#error "laminate knows the system calls of x86-64 and arm64"
#endif

static int64_t call(long number, long a, long b, long c, long d, long e, long f) {
  int64_t result;
  do {
    result = raw(number, a, b, c, d, e, f);
  } while (result == -SYS_EINTR);
  return result;
}

#define CALL6(n, a, b, c, d, e, f) call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define CALL5(n, a, b, c, d, e) CALL6(n, a, b, c, d, e, 0)
#define CALL4(n, a, b, c, d) CALL6(n, a, b, c, d, 0, 0)
#define CALL3(n, a, b, c) CALL6(n, a, b, c, 0, 0, 0)
#define CALL2(n, a, b) CALL6(n, a, b, 0, 0, 0, 0)

int64_t sys_openat(int dirfd, const char *path, int flags, uint32_t mode) {
  return CALL4(__NR_openat, dirfd, path, flags, mode);
}

int64_t sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct {
    uint64_t flags, mode, resolve;
  } how = {flags, mode, resolve};
  return CALL4(__NR_openat2, dirfd, path, &how, sizeof how);
}

int64_t sys_close(int fd) {
  return raw(__NR_close, fd, 0, 0, 0, 0, 0);
}

int64_t sys_mkdirat(int dirfd, const char *path, uint32_t mode) {
  return CALL3(__NR_mkdirat, dirfd, path, mode);
}

int64_t sys_mknodat(int dirfd, const char *path, uint32_t mode, uint32_t major, uint32_t minor) {
  /* The kernel's new_encode_dev: 12 bits of major, 20 of minor. */
  if (major > 0xfff || minor > 0xfffff) return -SYS_EINVAL;
  uint32_t device = (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
  return CALL4(__NR_mknodat, dirfd, path, mode, device);
}

int64_t sys_linkat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, int flags) {
  return CALL5(__NR_linkat, old_dirfd, old_path, new_dirfd, new_path, flags);
}

int64_t sys_symlinkat(const char *target, int dirfd, const char *path) {
  return CALL3(__NR_symlinkat, target, dirfd, path);
}

int64_t sys_readlinkat(int dirfd, const char *path, void *out, size_t size) {
  return CALL4(__NR_readlinkat, dirfd, path, out, size);
}

int64_t sys_renameat2(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, uint32_t flags) {
  return CALL5(__NR_renameat2, old_dirfd, old_path, new_dirfd, new_path, flags);
}

int64_t sys_unlinkat(int dirfd, const char *path, int flags) {
  return CALL3(__NR_unlinkat, dirfd, path, flags);
}

int64_t sys_fchown(int fd, uint32_t uid, uint32_t gid) {
  return CALL3(__NR_fchown, fd, uid, gid);
}

int64_t sys_fchownat(int dirfd, const char *path, uint32_t uid, uint32_t gid, int flags) {
  return CALL5(__NR_fchownat, dirfd, path, uid, gid, flags);
}

int64_t sys_fchmod(int fd, uint32_t mode) {
  return CALL2(__NR_fchmod, fd, mode);
}

int64_t sys_fchmodat(int dirfd, const char *path, uint32_t mode) {
  return CALL3(__NR_fchmodat, dirfd, path, mode);
}

int64_t sys_fchmodat2(int dirfd, const char *path, uint32_t mode, uint32_t flags) {
  return CALL4(__NR_fchmodat2, dirfd, path, mode, flags);
}

int64_t sys_utimensat(int dirfd, const char *path, int64_t atime_s, int64_t atime_ns, int64_t mtime_s,
                      int64_t mtime_ns, int flags) {
  int64_t times[4] = {atime_s, atime_ns, mtime_s, mtime_ns};
  return CALL4(__NR_utimensat, dirfd, path, times, flags);
}

int64_t sys_statx(int dirfd, const char *path, int flags, double out[SYS_STAT_FIELDS]) {
  struct statx st;
  int64_t result = CALL5(__NR_statx, dirfd, path, flags, STATX_BASIC_STATS, &st);
  if (result < 0) return result;
  out[0] = st.stx_mode;
  out[1] = st.stx_uid;
  out[2] = st.stx_gid;
  out[3] = st.stx_nlink;
  out[4] = (double)st.stx_size;
  out[5] = (double)st.stx_blocks;
  out[6] = st.stx_dev_major;
  out[7] = st.stx_dev_minor;
  out[8] = (double)(st.stx_ino >> 32);
  out[9] = (double)(st.stx_ino & 0xffffffff);
  out[10] = st.stx_rdev_major;
  out[11] = st.stx_rdev_minor;
  out[12] = (double)st.stx_atime.tv_sec;
  out[13] = st.stx_atime.tv_nsec;
  out[14] = (double)st.stx_mtime.tv_sec;
  out[15] = st.stx_mtime.tv_nsec;
  out[16] = (double)st.stx_ctime.tv_sec;
  out[17] = st.stx_ctime.tv_nsec;
  return 0;
}

int64_t sys_getdents64(int fd, void *out, size_t size) {
  return CALL3(__NR_getdents64, fd, out, size);
}

int64_t sys_fgetxattr(int fd, const char *name, void *out, size_t size) {
  return CALL4(__NR_fgetxattr, fd, name, out, size);
}

int64_t sys_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) {
  return CALL5(__NR_fsetxattr, fd, name, value, size, flags);
}

int64_t sys_flistxattr(int fd, void *out, size_t size) {
  return CALL3(__NR_flistxattr, fd, out, size);
}

int64_t sys_fremovexattr(int fd, const char *name) {
  return CALL2(__NR_fremovexattr, fd, name);
}

int64_t sys_lgetxattr(const char *path, const char *name, void *out, size_t size) {
  return CALL4(__NR_lgetxattr, path, name, out, size);
}

int64_t sys_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
  return CALL5(__NR_lsetxattr, path, name, value, size, flags);
}

int64_t sys_llistxattr(const char *path, void *out, size_t size) {
  return CALL3(__NR_llistxattr, path, out, size);
}

int64_t sys_lremovexattr(const char *path, const char *name) {
  return CALL2(__NR_lremovexattr, path, name);
}

int64_t sys_write(int fd, const void *bytes, size_t length) {
  return CALL3(__NR_write, fd, bytes, length);
}

int64_t sys_pwrite(int fd, const void *bytes, size_t length, int64_t position) {
  return CALL4(__NR_pwrite64, fd, bytes, length, position);
}

int64_t sys_lseek(int fd, int64_t offset, int whence) {
  return CALL3(__NR_lseek, fd, offset, whence);
}

int64_t sys_fallocate(int fd, int mode, int64_t offset, int64_t length) {
  return CALL4(__NR_fallocate, fd, mode, offset, length);
}

int64_t sys_copy_file_range(int fd_in, int64_t offset_in, int fd_out, int64_t offset_out, size_t length) {
  return CALL5(__NR_copy_file_range, fd_in, &offset_in, fd_out, &offset_out, length);
}

int64_t sys_ficlone(int dest_fd, int src_fd) {
  return CALL3(__NR_ioctl, dest_fd, SYS_FICLONE, src_fd);
}

int64_t sys_syncfs(int fd) {
  return CALL2(__NR_syncfs, fd, 0);
}

int64_t sys_flock(int fd, int operation) {
  return CALL2(__NR_flock, fd, operation);
}

int64_t sys_send_datagram(const void *address, size_t address_length, const void *bytes, size_t length) {
  int64_t fd = CALL3(__NR_socket, SYS_AF_UNIX, SYS_SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return fd;
  int64_t sent = CALL6(__NR_sendto, fd, bytes, length, SYS_MSG_NOSIGNAL, address, address_length);
  sys_close(fd);
  return sent;
}

int64_t sys_clock_gettime(int clock, double out[2]) {
  int64_t time[2];
  int64_t result = CALL2(__NR_clock_gettime, clock, time);
  if (result < 0) return result;
  out[0] = (double)time[0];
  out[1] = (double)time[1];
  return 0;
}

int64_t sys_pipe2(int flags, double out[2]) {
  int fds[2];
  int64_t result = CALL2(__NR_pipe2, fds, flags);
  if (result < 0) return result;
  out[0] = fds[0];
  out[1] = fds[1];
  return 0;
}

int64_t sys_terminal_peer(int fd, int flags) {
  return CALL3(__NR_ioctl, fd, SYS_TIOCGPTPEER, flags);
}

int64_t sys_ioctl(int fd, uint32_t request, void *argument) {
  return CALL3(__NR_ioctl, fd, request, argument);
}

int64_t sys_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data) {
  return CALL5(__NR_mount, source, target, type, flags, data);
}

int64_t sys_umount2(const char *target, int flags) {
  return CALL2(__NR_umount2, target, flags);
}

int64_t sys_fsopen(const char *type, uint32_t flags) {
  return CALL2(__NR_fsopen, type, flags);
}

int64_t sys_fsconfig(int fd, uint32_t command, const char *key, const char *value, int aux) {
  return CALL5(__NR_fsconfig, fd, command, key, value, aux);
}

int64_t sys_fsmount(int fd, uint32_t flags, uint32_t attributes) {
  return CALL3(__NR_fsmount, fd, flags, attributes);
}

int64_t sys_move_mount(int from_dirfd, const char *from_path, int to_dirfd, const char *to_path, uint32_t flags) {
  return CALL5(__NR_move_mount, from_dirfd, from_path, to_dirfd, to_path, flags);
}

int64_t sys_open_tree(int dirfd, const char *path, uint32_t flags) {
  return CALL3(__NR_open_tree, dirfd, path, flags);
}
