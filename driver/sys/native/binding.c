/*
 * Glue: each function reads its arguments, makes its call and returns the number. Side by side with addon.d.ts.
 */
#include "args.h"

#define BIND(name) static napi_value bind_##name(napi_env env, napi_callback_info info)
#define ARGS         \
  struct args args;  \
  args_read(&args, env, info)
#define PATH(name, index)        \
  char name##_buffer[PATH_SIZE]; \
  const char *name = arg_path(&args, index, name##_buffer)
#define PATH_OR_NULL(name, index) \
  char name##_buffer[PATH_SIZE];  \
  const char *name = arg_path_or_null(&args, index, name##_buffer)
#define RETURN(call) return args_number(&args, args.fault != 0 || args.threw ? args.fault : (call))

BIND(openat) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  int flags = arg_int(&args, 2);
  uint32_t mode = arg_u32(&args, 3);
  RETURN(sys_openat(dirfd, path, flags, mode));
}

BIND(openat2) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  uint64_t flags = arg_u64(&args, 2);
  uint64_t mode = arg_u64(&args, 3);
  uint64_t resolve = arg_u64(&args, 4);
  RETURN(sys_openat2(dirfd, path, flags, mode, resolve));
}

BIND(close) {
  ARGS;
  int fd = arg_int(&args, 0);
  RETURN(sys_close(fd));
}

BIND(mkdirat) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  uint32_t mode = arg_u32(&args, 2);
  RETURN(sys_mkdirat(dirfd, path, mode));
}

BIND(mknodat) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  uint32_t mode = arg_u32(&args, 2);
  uint32_t major = arg_u32(&args, 3);
  uint32_t minor = arg_u32(&args, 4);
  RETURN(sys_mknodat(dirfd, path, mode, major, minor));
}

BIND(linkat) {
  ARGS;
  int old_dirfd = arg_int(&args, 0);
  PATH(old_path, 1);
  int new_dirfd = arg_int(&args, 2);
  PATH(new_path, 3);
  int flags = arg_int(&args, 4);
  RETURN(sys_linkat(old_dirfd, old_path, new_dirfd, new_path, flags));
}

BIND(symlinkat) {
  ARGS;
  PATH(target, 0);
  int dirfd = arg_int(&args, 1);
  PATH(path, 2);
  RETURN(sys_symlinkat(target, dirfd, path));
}

BIND(readlinkat) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  struct bytes out = arg_bytes(&args, 2);
  RETURN(sys_readlinkat(dirfd, path, out.data, out.length));
}

BIND(renameat2) {
  ARGS;
  int old_dirfd = arg_int(&args, 0);
  PATH(old_path, 1);
  int new_dirfd = arg_int(&args, 2);
  PATH(new_path, 3);
  uint32_t flags = arg_u32(&args, 4);
  RETURN(sys_renameat2(old_dirfd, old_path, new_dirfd, new_path, flags));
}

BIND(unlinkat) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  int flags = arg_int(&args, 2);
  RETURN(sys_unlinkat(dirfd, path, flags));
}

BIND(fchown) {
  ARGS;
  int fd = arg_int(&args, 0);
  uint32_t uid = arg_id(&args, 1);
  uint32_t gid = arg_id(&args, 2);
  RETURN(sys_fchown(fd, uid, gid));
}

BIND(fchownat) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  uint32_t uid = arg_id(&args, 2);
  uint32_t gid = arg_id(&args, 3);
  int flags = arg_int(&args, 4);
  RETURN(sys_fchownat(dirfd, path, uid, gid, flags));
}

BIND(fchmod) {
  ARGS;
  int fd = arg_int(&args, 0);
  uint32_t mode = arg_u32(&args, 1);
  RETURN(sys_fchmod(fd, mode));
}

BIND(fchmodat) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  uint32_t mode = arg_u32(&args, 2);
  RETURN(sys_fchmodat(dirfd, path, mode));
}

BIND(fchmodat2) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  uint32_t mode = arg_u32(&args, 2);
  uint32_t flags = arg_u32(&args, 3);
  RETURN(sys_fchmodat2(dirfd, path, mode, flags));
}

BIND(utimensat) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH_OR_NULL(path, 1);
  int64_t atime_s = arg_i64(&args, 2);
  int64_t atime_ns = arg_i64(&args, 3);
  int64_t mtime_s = arg_i64(&args, 4);
  int64_t mtime_ns = arg_i64(&args, 5);
  int flags = arg_int(&args, 6);
  RETURN(sys_utimensat(dirfd, path, atime_s, atime_ns, mtime_s, mtime_ns, flags));
}

BIND(statx) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  int flags = arg_int(&args, 2);
  double *out = arg_doubles(&args, 3, SYS_STAT_FIELDS);
  RETURN(sys_statx(dirfd, path, flags, out));
}

BIND(getdents64) {
  ARGS;
  int fd = arg_int(&args, 0);
  struct bytes out = arg_bytes(&args, 1);
  RETURN(sys_getdents64(fd, out.data, out.length));
}

BIND(fgetxattr) {
  ARGS;
  int fd = arg_int(&args, 0);
  PATH(name, 1);
  struct bytes out = arg_bytes(&args, 2);
  RETURN(sys_fgetxattr(fd, name, out.data, out.length));
}

BIND(fsetxattr) {
  ARGS;
  int fd = arg_int(&args, 0);
  PATH(name, 1);
  struct bytes value = arg_bytes(&args, 2);
  int flags = arg_int(&args, 3);
  RETURN(sys_fsetxattr(fd, name, value.data, value.length, flags));
}

BIND(flistxattr) {
  ARGS;
  int fd = arg_int(&args, 0);
  struct bytes out = arg_bytes(&args, 1);
  RETURN(sys_flistxattr(fd, out.data, out.length));
}

BIND(fremovexattr) {
  ARGS;
  int fd = arg_int(&args, 0);
  PATH(name, 1);
  RETURN(sys_fremovexattr(fd, name));
}

BIND(lgetxattr) {
  ARGS;
  PATH(path, 0);
  PATH(name, 1);
  struct bytes out = arg_bytes(&args, 2);
  RETURN(sys_lgetxattr(path, name, out.data, out.length));
}

BIND(lsetxattr) {
  ARGS;
  PATH(path, 0);
  PATH(name, 1);
  struct bytes value = arg_bytes(&args, 2);
  int flags = arg_int(&args, 3);
  RETURN(sys_lsetxattr(path, name, value.data, value.length, flags));
}

BIND(llistxattr) {
  ARGS;
  PATH(path, 0);
  struct bytes out = arg_bytes(&args, 1);
  RETURN(sys_llistxattr(path, out.data, out.length));
}

BIND(lremovexattr) {
  ARGS;
  PATH(path, 0);
  PATH(name, 1);
  RETURN(sys_lremovexattr(path, name));
}

BIND(write) {
  ARGS;
  int fd = arg_int(&args, 0);
  struct bytes bytes = arg_slice(&args, 1, 2, 3);
  RETURN(sys_write(fd, bytes.data, bytes.length));
}

BIND(pwrite) {
  ARGS;
  int fd = arg_int(&args, 0);
  struct bytes bytes = arg_slice(&args, 1, 2, 3);
  int64_t position = arg_i64(&args, 4);
  RETURN(sys_pwrite(fd, bytes.data, bytes.length, position));
}

BIND(lseek) {
  ARGS;
  int fd = arg_int(&args, 0);
  int64_t offset = arg_i64(&args, 1);
  int whence = arg_int(&args, 2);
  RETURN(sys_lseek(fd, offset, whence));
}

BIND(fallocate) {
  ARGS;
  int fd = arg_int(&args, 0);
  int mode = arg_int(&args, 1);
  int64_t offset = arg_i64(&args, 2);
  int64_t length = arg_i64(&args, 3);
  RETURN(sys_fallocate(fd, mode, offset, length));
}

BIND(copy_file_range) {
  ARGS;
  int fd_in = arg_int(&args, 0);
  int64_t offset_in = arg_i64(&args, 1);
  int fd_out = arg_int(&args, 2);
  int64_t offset_out = arg_i64(&args, 3);
  uint64_t length = arg_u64(&args, 4);
  RETURN(sys_copy_file_range(fd_in, offset_in, fd_out, offset_out, length));
}

BIND(ficlone) {
  ARGS;
  int dest_fd = arg_int(&args, 0);
  int src_fd = arg_int(&args, 1);
  RETURN(sys_ficlone(dest_fd, src_fd));
}

BIND(syncfs) {
  ARGS;
  int fd = arg_int(&args, 0);
  RETURN(sys_syncfs(fd));
}

BIND(flock) {
  ARGS;
  int fd = arg_int(&args, 0);
  int operation = arg_int(&args, 1);
  RETURN(sys_flock(fd, operation));
}

BIND(send_datagram) {
  ARGS;
  struct bytes address = arg_bytes(&args, 0);
  struct bytes bytes = arg_bytes(&args, 1);
  RETURN(sys_send_datagram(address.data, address.length, bytes.data, bytes.length));
}

BIND(clock_gettime) {
  ARGS;
  int clock = arg_int(&args, 0);
  double *out = arg_doubles(&args, 1, 2);
  RETURN(sys_clock_gettime(clock, out));
}

BIND(pipe2) {
  ARGS;
  int flags = arg_int(&args, 0);
  double *out = arg_doubles(&args, 1, 2);
  RETURN(sys_pipe2(flags, out));
}

BIND(terminal_peer) {
  ARGS;
  int fd = arg_int(&args, 0);
  int flags = arg_int(&args, 1);
  RETURN(sys_terminal_peer(fd, flags));
}

/* _IOC_SIZE, or for the terminal's old requests, which say no size, the largest structure that one of them fills. */
static size_t ioctl_size(uint32_t request) {
  size_t size = request >> 16 & 0x3fff;
  return size != 0 ? size : 36;
}

BIND(ioctl_bytes) {
  ARGS;
  int fd = arg_int(&args, 0);
  uint32_t request = arg_u32(&args, 1);
  struct bytes argument = arg_bytes(&args, 2);
  RETURN(argument.length < ioctl_size(request) ? -SYS_EINVAL : sys_ioctl(fd, request, argument.data));
}

BIND(mount) {
  ARGS;
  PATH_OR_NULL(source, 0);
  PATH(target, 1);
  PATH_OR_NULL(type, 2);
  uint64_t flags = arg_u64(&args, 3);
  PATH_OR_NULL(data, 4);
  RETURN(sys_mount(source, target, type, flags, data));
}

BIND(umount2) {
  ARGS;
  PATH(target, 0);
  int flags = arg_int(&args, 1);
  RETURN(sys_umount2(target, flags));
}

BIND(fsopen) {
  ARGS;
  PATH(type, 0);
  uint32_t flags = arg_u32(&args, 1);
  RETURN(sys_fsopen(type, flags));
}

BIND(fsconfig) {
  ARGS;
  int fd = arg_int(&args, 0);
  uint32_t command = arg_u32(&args, 1);
  PATH_OR_NULL(key, 2);
  PATH_OR_NULL(value, 3);
  int aux = arg_int(&args, 4);
  RETURN(sys_fsconfig(fd, command, key, value, aux));
}

BIND(fsmount) {
  ARGS;
  int fd = arg_int(&args, 0);
  uint32_t flags = arg_u32(&args, 1);
  uint32_t attributes = arg_u32(&args, 2);
  RETURN(sys_fsmount(fd, flags, attributes));
}

BIND(move_mount) {
  ARGS;
  int from_dirfd = arg_int(&args, 0);
  PATH(from_path, 1);
  int to_dirfd = arg_int(&args, 2);
  PATH(to_path, 3);
  uint32_t flags = arg_u32(&args, 4);
  RETURN(sys_move_mount(from_dirfd, from_path, to_dirfd, to_path, flags));
}

BIND(open_tree) {
  ARGS;
  int dirfd = arg_int(&args, 0);
  PATH(path, 1);
  uint32_t flags = arg_u32(&args, 2);
  RETURN(sys_open_tree(dirfd, path, flags));
}

#define EXPORT(name, function) {name, NULL, bind_##function, NULL, NULL, NULL, napi_enumerable, NULL}

NAPI_MODULE_INIT() {
  static const napi_property_descriptor functions[] = {
      EXPORT("openat", openat),
      EXPORT("openat2", openat2),
      EXPORT("close", close),
      EXPORT("mkdirat", mkdirat),
      EXPORT("mknodat", mknodat),
      EXPORT("linkat", linkat),
      EXPORT("symlinkat", symlinkat),
      EXPORT("readlinkat", readlinkat),
      EXPORT("renameat2", renameat2),
      EXPORT("unlinkat", unlinkat),
      EXPORT("fchown", fchown),
      EXPORT("fchownat", fchownat),
      EXPORT("fchmod", fchmod),
      EXPORT("fchmodat", fchmodat),
      EXPORT("fchmodat2", fchmodat2),
      EXPORT("utimensat", utimensat),
      EXPORT("statx", statx),
      EXPORT("getdents64", getdents64),
      EXPORT("fgetxattr", fgetxattr),
      EXPORT("fsetxattr", fsetxattr),
      EXPORT("flistxattr", flistxattr),
      EXPORT("fremovexattr", fremovexattr),
      EXPORT("lgetxattr", lgetxattr),
      EXPORT("lsetxattr", lsetxattr),
      EXPORT("llistxattr", llistxattr),
      EXPORT("lremovexattr", lremovexattr),
      EXPORT("write", write),
      EXPORT("pwrite", pwrite),
      EXPORT("lseek", lseek),
      EXPORT("fallocate", fallocate),
      EXPORT("copyFileRange", copy_file_range),
      EXPORT("ficlone", ficlone),
      EXPORT("syncfs", syncfs),
      EXPORT("flock", flock),
      EXPORT("clockGettime", clock_gettime),
      EXPORT("sendDatagram", send_datagram),
      EXPORT("pipe2", pipe2),
      EXPORT("terminalPeer", terminal_peer),
      EXPORT("ioctlBytes", ioctl_bytes),
      EXPORT("mount", mount),
      EXPORT("umount2", umount2),
      EXPORT("fsopen", fsopen),
      EXPORT("fsconfig", fsconfig),
      EXPORT("fsmount", fsmount),
      EXPORT("moveMount", move_mount),
      EXPORT("openTree", open_tree),
  };
  if (napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) != napi_ok) return NULL;
  return exports;
}
