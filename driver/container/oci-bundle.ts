/** The config.json of a bundle, for runc and crun. Deterministic: the same launch gives the same document. */
import { join } from "node:path";
import { defaultMounts, deviceRules, maskedPaths, openFilesLimit, readonlyPaths } from "./defaults.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { ProcessConfig } from "./container.ts";
import { devicesAt } from "./devices.ts";
import type { HostConfig } from "./host-config.ts";
import { cgroupParent } from "./leftovers.ts";
import type { Launch } from "./launch.ts";
import { networkFileNames } from "./network-files.ts";
import type { RuntimeSpec, SpecDevice, SpecMount } from "./runtime-spec.ts";
import { seccompOf } from "./seccomp.ts";
import type { ResolvedUser } from "./user.ts";

export interface HostFacts {
  /** cgroup v2: the container gets a cgroup namespace of its own. */
  readonly hasUnifiedCgroup: boolean;
  /** Hard limit of open files that we have ourselves and cannot exceed. */
  readonly maxOpenFiles: number;
  /** A bit for each capability that we can hand on. */
  readonly grantableCapabilities: bigint;
  readonly devices: () => readonly SpecDevice[];
}

const cpuPeriodMicroseconds = 100_000;

/** The root file system is `rootfs` in the bundle's directory. */
export function runtimeSpec(launch: Launch, host: HostFacts): RuntimeSpec {
  const { process, user, files, mounts } = launch;
  const { privileged, network, readonlyRootfs, memoryBytes, cpus, pidsLimit, shmBytes, sysctls } = launch.host;
  const devices = launch.host.devices.flatMap((asked) =>
    devicesAt(asked).map((device) => ({ device, access: asked.access })),
  );
  const seccomp = privileged
    ? undefined
    : seccompOf(launch.host.seccomp, capabilitiesOf(launch.host, host.grantableCapabilities));
  const namespaces = [
    ...["mount", "pid", "ipc", "uts"],
    ...(host.hasUnifiedCgroup ? ["cgroup"] : []),
    ...(network === "none" ? ["network"] : []),
  ];
  const targets = new Set(mounts.map(({ target }) => target));
  const ownFiles = networkFileNames.filter((name) => !targets.has(`/etc/${name}`));
  return {
    ociVersion: "1.0.2",
    process: execSpec(process, launch.host, user, host),
    root: { path: launch.rootfs, readonly: readonlyRootfs },
    hostname: process.hostname,
    mounts: [
      ...defaultMounts
        .filter(({ destination }) => !targets.has(destination))
        .map((mount) => withShmSize(mount, shmBytes))
        .map(privileged ? writable : unchanged),
      ...ownFiles.map((name) => boundFile(join(files, name), `/etc/${name}`)),
      ...mounts.map(({ type, source, target, options }) => ({ destination: target, type, source, options })),
    ],
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      cgroupsPath: `/${cgroupParent}/${launch.id}`,
      devices: [...(privileged ? host.devices() : []), ...devices.map(({ device }) => device)],
      resources: {
        devices: privileged
          ? [{ allow: true, access: "rwm" }]
          : [
              ...deviceRules,
              ...devices.map(({ device: { type, major, minor }, access }) => {
                return { allow: true, type, major, minor, access };
              }),
            ],
        ...(pidsLimit !== null && { pids: { limit: pidsLimit } }),
        ...(memoryBytes !== null && { memory: { limit: memoryBytes } }),
        ...(cpus !== null && {
          cpu: { period: cpuPeriodMicroseconds, quota: Math.round(cpus * cpuPeriodMicroseconds) },
        }),
      },
      ...(Object.keys(sysctls).length > 0 && { sysctl: sysctls }),
      ...(seccomp !== undefined && { seccomp }),
      maskedPaths: privileged ? [] : maskedPaths,
      readonlyPaths: privileged ? [] : readonlyPaths,
    },
  };
}

function withShmSize(mount: SpecMount, bytes: number): SpecMount {
  if (mount.destination !== "/dev/shm") return mount;
  return { ...mount, options: [...mount.options.filter((each) => !each.startsWith("size=")), `size=${bytes}`] };
}

function unchanged(mount: SpecMount): SpecMount {
  return mount;
}

function writable(mount: SpecMount): SpecMount {
  return { ...mount, options: mount.options.filter((option) => option !== "ro") };
}

/** A program in a container. */
export function execSpec(
  process: ProcessConfig,
  config: HostConfig,
  user: ResolvedUser,
  host: HostFacts,
): RuntimeSpec["process"] {
  const capabilities = capabilitiesOf(config, host.grantableCapabilities);
  const hard = Math.min(openFilesLimit.hard, host.maxOpenFiles);
  const limits = [{ name: "nofile", hard, soft: Math.min(openFilesLimit.soft, hard) }].filter(({ name }) => {
    return !config.ulimits.some((limit) => limit.name === name);
  });
  return {
    terminal: process.tty,
    user: { uid: user.uid, gid: user.gid, umask: 0o022, additionalGids: user.groups },
    args: process.args,
    env: withHome(process.env, user.home),
    cwd: process.cwd,
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    rlimits: [...limits, ...config.ulimits].map(({ name, soft, hard: most }) => {
      return { type: `RLIMIT_${name.toUpperCase()}`, hard: most, soft };
    }),
    noNewPrivileges: config.noNewPrivileges,
  };
}

export function withHome(env: readonly string[], home: string): readonly string[] {
  return env.some((variable) => variable.startsWith("HOME=")) ? env : [...env, `HOME=${home}`];
}

function boundFile(source: string, destination: string): SpecMount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate"] };
}
