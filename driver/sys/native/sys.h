/*
 * The contract between linux.c, which makes system calls, and binding.c, which talks to JavaScript.
 *
 * Each function makes one system call and returns its result, or -errno. Calls are repeated on EINTR, except close,
 * whose descriptor is gone by then on Linux. Nothing here keeps state, allocates, or uses the C library.
 */
#ifndef LAMINATE_SYS_H
#define LAMINATE_SYS_H

#include <stddef.h>
#include <stdint.h>

enum {
  SYS_EINVAL = 22,
  SYS_ENAMETOOLONG = 36,
};

/* The numbers that statx fills, as doubles, in the order of statFields in stat.ts. */
enum { SYS_STAT_FIELDS = 18 };

int64_t sys_openat(int dirfd, const char *path, int flags, uint32_t mode);
int64_t sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int64_t sys_close(int fd);
int64_t sys_mkdirat(int dirfd, const char *path, uint32_t mode);
int64_t sys_mknodat(int dirfd, const char *path, uint32_t mode, uint32_t major, uint32_t minor);
int64_t sys_linkat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, int flags);
int64_t sys_symlinkat(const char *target, int dirfd, const char *path);
int64_t sys_readlinkat(int dirfd, const char *path, void *out, size_t size);
int64_t sys_renameat2(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, uint32_t flags);
int64_t sys_unlinkat(int dirfd, const char *path, int flags);

int64_t sys_fchown(int fd, uint32_t uid, uint32_t gid);
int64_t sys_fchownat(int dirfd, const char *path, uint32_t uid, uint32_t gid, int flags);
int64_t sys_fchmod(int fd, uint32_t mode);
int64_t sys_fchmodat(int dirfd, const char *path, uint32_t mode);
int64_t sys_fchmodat2(int dirfd, const char *path, uint32_t mode, uint32_t flags);
int64_t sys_utimensat(int dirfd, const char *path, int64_t atime_s, int64_t atime_ns, int64_t mtime_s,
                      int64_t mtime_ns, int flags);
int64_t sys_statx(int dirfd, const char *path, int flags, double out[SYS_STAT_FIELDS]);
int64_t sys_getdents64(int fd, void *out, size_t size);

int64_t sys_fgetxattr(int fd, const char *name, void *out, size_t size);
int64_t sys_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
int64_t sys_flistxattr(int fd, void *out, size_t size);
int64_t sys_fremovexattr(int fd, const char *name);
int64_t sys_lgetxattr(const char *path, const char *name, void *out, size_t size);
int64_t sys_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags);
int64_t sys_llistxattr(const char *path, void *out, size_t size);
int64_t sys_lremovexattr(const char *path, const char *name);

int64_t sys_write(int fd, const void *bytes, size_t length);
int64_t sys_pwrite(int fd, const void *bytes, size_t length, int64_t position);
int64_t sys_lseek(int fd, int64_t offset, int whence);
int64_t sys_fallocate(int fd, int mode, int64_t offset, int64_t length);
int64_t sys_copy_file_range(int fd_in, int64_t offset_in, int fd_out, int64_t offset_out, size_t length);
int64_t sys_ficlone(int dest_fd, int src_fd);
int64_t sys_syncfs(int fd);
int64_t sys_flock(int fd, int operation);
int64_t sys_clock_gettime(int clock, double out[2]);
int64_t sys_send_datagram(const void *address, size_t address_length, const void *bytes, size_t length);
int64_t sys_pipe2(int flags, double out[2]);
int64_t sys_terminal_peer(int fd, int flags);
int64_t sys_ioctl(int fd, uint32_t request, void *argument);

int64_t sys_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data);
int64_t sys_umount2(const char *target, int flags);
int64_t sys_fsopen(const char *type, uint32_t flags);
int64_t sys_fsconfig(int fd, uint32_t command, const char *key, const char *value, int aux);
int64_t sys_fsmount(int fd, uint32_t flags, uint32_t attributes);
int64_t sys_move_mount(int from_dirfd, const char *from_path, int to_dirfd, const char *to_path, uint32_t flags);
int64_t sys_open_tree(int dirfd, const char *path, uint32_t flags);

#endif
