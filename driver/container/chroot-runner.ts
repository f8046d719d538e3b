/**
 * The built-in runner, for where neither runc nor crun can be used: namespaces by util-linux's `unshare` (a user
 * namespace too, for an ordinary user), the root file system moved over "/", and the same mounts, masks and limits on
 * capabilities as far as our own privileges reach. It has no cgroups and no filter of system calls.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../base/errors.ts";
import type { Privileges } from "../sys/privileges.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { chrootScript, type HostTools, imageEnv, type MountPlaces, needsImageEnv } from "./chroot-script.ts";
import { findExecutable } from "./executable.ts";
import { exitCodes, startFailure } from "./failure.ts";
import { endOf, startInForeground } from "./foreground.ts";
import { grantableCapabilities } from "./host.ts";
import type { Launch, Runtime, StartedProcess } from "./launch.ts";
import { withHome } from "./oci-bundle.ts";
import { processesLike } from "./processes.ts";
import { findOnPath } from "./programs.ts";
import { Rootfs } from "./rootfs.ts";

export function createChrootRunner(privileges: Privileges): Runtime {
  const isUserNamespace = !privileges.canMount;

  async function start(launch: Launch): Promise<StartedProcess> {
    const tools = hostTools();
    requirePossible(launch);
    const namespaces = [
      ...(isUserNamespace ? ["--user", "--map-root-user"] : []),
      "--mount",
      "--uts",
      "--ipc",
      "--pid",
      ...(launch.host.network === "none" ? ["--net"] : []),
    ];
    requireNamespaces(tools.unshare, namespaces, isUserNamespace);
    const script = join(launch.files, "start.sh");
    writeFileSync(script, scriptFor(launch, tools, isUserNamespace), { mode: 0o600 });
    // Its terminal is the program's to control jobs on.
    const session = launch.process.tty && tools.setsid !== null ? [tools.setsid, "--ctty"] : [];
    const args = [...namespaces, "--fork", "--kill-child", "--", ...session, tools.sh, script];
    const child = await startInForeground(tools.unshare, args, {
      streams: launch.streams,
      lockFd: launch.lockFd,
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    });
    const pid = child.pid ?? 0;
    return {
      pid,
      executed: () => Promise.resolve(),
      ended: endOf(child),
      kill(signal) {
        // unshare itself heeds no signal but SIGKILL, which --kill-child passes on.
        if (signal === "SIGKILL") child.kill(signal);
        else for (const each of childrenOf(pid)) trySend(each, signal);
      },
    };
  }

  function signal(_id: string, pid: number, name: NodeJS.Signals): void {
    for (const each of name === "SIGKILL" ? [pid] : childrenOf(pid)) trySend(each, name);
  }

  const initPid = (_id: string, pid: number): number | undefined => childrenOf(pid)[0];

  /** Without a cgroup: each by itself, until no new one is met. */
  function freeze(id: string, pid: number): void {
    const stopped = new Set<number>();
    for (let isNew = true; isNew;) {
      isNew = false;
      for (const each of processesLike(initPid(id, pid))) {
        if (stopped.has(each)) continue;
        trySend(each, "SIGSTOP");
        stopped.add(each);
        isNew = true;
      }
    }
  }

  function thaw(id: string, pid: number): void {
    for (const each of processesLike(initPid(id, pid))) trySend(each, "SIGCONT");
  }

  function exec(): Promise<StartedProcess> {
    const message = "cannot exec: the built-in runner has no way into a running container; runc or crun, as root, has";
    return Promise.reject(new StorageError("ERR_UNIMPLEMENTED", message, { details: { exitCode: exitCodes.failed } }));
  }

  return { name: "chroot", path: null, start, signal, initPid, freeze, thaw, exec };
}

function requirePossible({ host, user }: Launch): void {
  const asked = [
    host.privileged && "--privileged",
    host.memoryBytes !== null && "--memory",
    host.cpus !== null && "--cpus",
    host.ulimits.length > 0 && "--ulimit",
    host.pidsLimit !== null && "--pids-limit",
    host.devices.length > 0 && "--device",
    Object.keys(host.sysctls).length > 0 && "--sysctl",
    !["default", "unconfined"].includes(host.seccomp) && "--security-opt seccomp",
  ].find((option) => option !== false);
  const capabilities = capabilitiesOf(host, grantableCapabilities());
  // Its last steps are the container's own: changing root and user.
  const needed = ["CAP_SYS_CHROOT", ...(user.uid === 0 ? [] : ["CAP_SETUID"])];
  const missing = needed.find((name) => !capabilities.includes(name));
  if (missing !== undefined)
    throw startFailure(`the built-in runner cannot drop ${missing}: runc or crun, as root, can`);
  if (asked !== undefined) throw startFailure(`${asked} is beyond the built-in runner: it needs runc or crun, as root`);
}

function trySend(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // gone
  }
}

function scriptFor(launch: Launch, tools: HostTools, isUserNamespace: boolean): string {
  using rootfs = new Rootfs(launch.rootfs);
  const env = withHome(launch.process.env, launch.user.home);
  // With mounts it may be in one: then it is looked for when all is in place.
  const program = launch.mounts.length === 0 ? findExecutable(rootfs, launch.process) : (launch.process.args[0] ?? "");
  if (needsImageEnv(env)) findExecutable(rootfs, { ...launch.process, args: [imageEnv] });
  const places: MountPlaces = {
    proc: rootfs.ensureDirectory("/proc"),
    dev: rootfs.ensureDirectory("/dev"),
    sys: rootfs.ensureDirectory("/sys"),
    files: {
      "resolv.conf": rootfs.ensureFile("/etc/resolv.conf"),
      hosts: rootfs.ensureFile("/etc/hosts"),
      hostname: rootfs.ensureFile("/etc/hostname"),
    },
  };
  return chrootScript({ launch, env, program, places, tools, isUserNamespace });
}

function hostTools(): HostTools {
  const required = (name: string): string => {
    const path = findOnPath(name);
    if (path === undefined) throw startFailure(`the built-in runner needs ${name} on PATH`);
    return path;
  };
  return {
    sh: required("sh"),
    env: required("env"),
    mount: required("mount"),
    unshare: required("unshare"),
    setpriv: findOnPath("setpriv") ?? null,
    setsid: findOnPath("setsid") ?? null,
  };
}

function requireNamespaces(unshare: string, namespaces: readonly string[], isUserNamespace: boolean): void {
  const probe = spawnSync(unshare, [...namespaces, "--fork", "--root=/", "--wd=/", "--", "true"], { encoding: "utf8" });
  if (probe.status === 0) return;
  const reason = probe.stderr.trim() || (probe.error?.message ?? `status ${String(probe.status)}`);
  const hint = isUserNamespace ? " (are user namespaces allowed for ordinary users here?)" : "";
  throw startFailure(`no namespaces of its own: ${reason}${hint}`);
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
