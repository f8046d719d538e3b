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
import type { Launch } from "./launch.ts";
import { networkFileNames } from "./network-files.ts";
import type { RuntimeSpec, SpecMount } from "./runtime-spec.ts";

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
  const hard = Math.min(openFilesLimit.hard, host.maxOpenFiles);
  return {
    ociVersion: "1.0.2",
    process: {
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
    },
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

export function withHome(env: readonly string[], home: string): readonly string[] {
  return env.some((variable) => variable.startsWith("HOME=")) ? env : [...env, `HOME=${home}`];
}

function boundFile(source: string, destination: string): SpecMount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate"] };
}
