/** The config.json of a bundle, for runc and crun. Deterministic: the same launch gives the same document. */
import { join } from "node:path";
import {
  defaultCapabilities,
  defaultMounts,
  deviceRules,
  maskedPaths,
  openFilesLimit,
  readonlyPaths,
} from "./defaults.ts";
import type { ProcessConfig } from "./container.ts";
import type { HostConfig } from "./host-config.ts";
import type { Launch } from "./launch.ts";
import { networkFileNames } from "./network-files.ts";
import type { RuntimeSpec, SpecMount } from "./runtime-spec.ts";
import type { ResolvedUser } from "./user.ts";

export interface HostFacts {
  /** cgroup v2: the container gets a cgroup namespace of its own. */
  readonly hasUnifiedCgroup: boolean;
  /** Hard limit of open files that we have ourselves and cannot exceed. */
  readonly maxOpenFiles: number;
}

/** The network is the host's. The root file system is `rootfs` in the bundle's directory. */
export function runtimeSpec(launch: Launch, host: HostFacts): RuntimeSpec {
  const { process, user, files } = launch;
  const namespaces = ["mount", "pid", "ipc", "uts", ...(host.hasUnifiedCgroup ? ["cgroup"] : [])];
  return {
    ociVersion: "1.0.2",
    process: execSpec(process, launch.host, user, host.maxOpenFiles),
    root: { path: launch.rootfs, readonly: false },
    hostname: process.hostname,
    mounts: [...defaultMounts, ...networkFileNames.map((name) => boundFile(join(files, name), `/etc/${name}`))],
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      cgroupsPath: `/laminate/${launch.id}`,
      resources: { devices: deviceRules },
      maskedPaths,
      readonlyPaths,
    },
  };
}

/** A program in a container. */
export function execSpec(
  process: ProcessConfig,
  _host: HostConfig,
  user: ResolvedUser,
  maxOpenFiles: number,
): RuntimeSpec["process"] {
  const hard = Math.min(openFilesLimit.hard, maxOpenFiles);
  return {
    terminal: process.tty,
    user: { uid: user.uid, gid: user.gid, umask: 0o022, additionalGids: user.groups },
    args: process.args,
    env: withHome(process.env, user.home),
    cwd: process.cwd,
    capabilities: {
      bounding: defaultCapabilities,
      effective: defaultCapabilities,
      permitted: defaultCapabilities,
    },
    rlimits: [{ type: "RLIMIT_NOFILE", hard, soft: Math.min(openFilesLimit.soft, hard) }],
    noNewPrivileges: false,
  };
}

export function withHome(env: readonly string[], home: string): readonly string[] {
  return env.some((variable) => variable.startsWith("HOME=")) ? env : [...env, `HOME=${home}`];
}

function boundFile(source: string, destination: string): SpecMount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate"] };
}
