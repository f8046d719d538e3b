/**
 * Which system calls a container's programs may make: what Docker's default profile lets through, by name, so that an
 * image that runs there runs here. All that is known and not let through fails with EPERM, what nobody knows yet with
 * ENOSYS: a C library newer than the profile then falls back to the calls it used before.
 */
import type { SeccompRule, SeccompSpec } from "./runtime-spec.ts";

const allowed = [
  ..."accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 close".split(" "),
  ..."clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64".split(" "),
  ..."clock_nanosleep clock_nanosleep_time64 close_range connect copy_file_range creat dup dup2 dup3".split(" "),
  ..."epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old".split(" "),
  ..."eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64".split(" "),
  ..."fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64".split(" "),
  ..."fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs".split(" "),
  ..."fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv".split(" "),
  ..."futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid".split(" "),
  ..."getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid".split(" "),
  ..."getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit".split(" "),
  ..."getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr getxattrat".split(" "),
  ..."inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents".split(" "),
  ..."io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill".split(" "),
  ..."landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link".split(" "),
  ..."linkat listen listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64".split(" "),
  ..."madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat".split(" "),
  ..."mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive".split(" "),
  ..."mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv".split(" "),
  ..."msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat _newselect open".split(" "),
  ..."openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect".split(" "),
  ..."poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv".split(" "),
  ..."process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead".split(" "),
  ..."readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages".split(" "),
  ..."removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction".split(" "),
  ..."rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait".split(" "),
  ..."rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min".split(" "),
  ..."sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval".split(" "),
  ..."sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler".split(" "),
  ..."sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile".split(" "),
  ..."sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setfsgid".split(" "),
  ..."setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority".split(" "),
  ..."setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit".split(" "),
  ..."setsid setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown".split(" "),
  ..."sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64".split(" "),
  ..."statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time".split(" "),
  ..."timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime".split(" "),
  ..."timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64".split(" "),
  ..."times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat".split(" "),
  ..."utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev".split(" "),
];

/** What capabilities bring. */
const byCapability: Readonly<Record<string, string>> = {
  CAP_BPF: "bpf",
  CAP_DAC_READ_SEARCH: "open_by_handle_at",
  CAP_PERFMON: "perf_event_open",
  CAP_SYS_ADMIN:
    "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount mount_setattr " +
    "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns statmount syslog umount " +
    "umount2 unshare",
  CAP_SYS_BOOT: "reboot",
  CAP_SYS_CHROOT: "chroot",
  CAP_SYS_MODULE: "delete_module finit_module init_module",
  CAP_SYS_NICE: "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
  CAP_SYS_PACCT: "acct",
  CAP_SYS_PTRACE: "kcmp pidfd_getfd process_madvise",
  CAP_SYS_RAWIO: "ioperm iopl",
  CAP_SYS_TIME: "clock_settime clock_settime64 settimeofday stime",
  CAP_SYS_TTY_CONFIG: "vhangup",
  CAP_SYSLOG: "syslog",
};

/** Known, and for nobody. */
const refused = [
  ..."_sysctl add_key afs_syscall bdflush create_module get_kernel_syms getpmsg io_uring_enter".split(" "),
  ..."io_uring_register io_uring_setup kexec_file_load kexec_load keyctl migrate_pages move_pages".split(" "),
  ..."nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname pivot_root putpmsg query_module".split(" "),
  ..."request_key security sgetmask ssetmask swapoff swapon sysfs tuxcall uselib userfaultfd ustat vm86".split(" "),
  ..."vm86old vserver".split(" "),
];

const architectures: Readonly<Record<string, { readonly spec: readonly string[]; readonly calls: string }>> = {
  x64: { spec: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], calls: "arch_prctl modify_ldt" },
  arm64: {
    spec: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    calls: "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
  },
};

const EPERM = 1;
const ENOSYS = 38;
const AF_VSOCK = 40;
/** CLONE_NEW… of sched.h: namespaces, by which a program would get more power than it has. */
const cloneNamespaces = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000];
/** As personality(2) counts: Linux, Linux without 64 bits, both without ASLR, and the question. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

/** @param architecture as Node names it. */
export function defaultSeccomp(capabilities: readonly string[], architecture: string): SeccompSpec | undefined {
  const own = architectures[architecture];
  if (own === undefined) return undefined;
  const granted = new Set(capabilities.flatMap((name) => byCapability[name]?.split(" ") ?? []));
  const withheld = Object.values(byCapability)
    .flatMap((names) => names.split(" "))
    .filter((name) => !granted.has(name) && name !== "clone" && name !== "clone3");
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: ENOSYS,
    architectures: own.spec,
    syscalls: [
      allow([...allowed, ...own.calls.split(" "), ...granted]),
      refuse([...refused, ...new Set(withheld)]),
      ...personalities.map((value) => ({ ...allow(["personality"]), args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] })),
      { ...allow(["socket"]), args: [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" }] },
      { ...refuse(["socket"]), args: [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_EQ" }] },
      // Without clone3, whose flags cannot be looked at, C libraries use clone.
      ...(granted.has("clone") ? [] : cloneRules()),
    ],
  };
}

function cloneRules(): readonly SeccompRule[] {
  const all = cloneNamespaces.reduce((sum, flag) => sum + flag, 0);
  return [
    { ...allow(["clone"]), args: [{ index: 0, value: all, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }] },
    ...cloneNamespaces.map((flag) => ({
      ...refuse(["clone"]),
      args: [{ index: 0, value: flag, valueTwo: flag, op: "SCMP_CMP_MASKED_EQ" }],
    })),
  ];
}

function allow(names: readonly string[]): SeccompRule {
  return { names, action: "SCMP_ACT_ALLOW" };
}

function refuse(names: readonly string[]): SeccompRule {
  return { names, action: "SCMP_ACT_ERRNO", errnoRet: EPERM };
}
