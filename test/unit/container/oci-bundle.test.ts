import { describe, expect, it } from "vitest";
import type { Launch } from "../../../driver/container/launch.ts";
import { defaultHostConfig } from "../../../driver/container/host-config.ts";
import { runtimeSpec } from "../../../driver/container/oci-bundle.ts";
import { processOf } from "./fixtures.ts";

function launchOf(change: Partial<Launch> = {}): Launch {
  return {
    id: "f".repeat(64),
    rootfs: "/state/containers/f/rootfs",
    files: "/state/containers/f/run",
    process: processOf({ args: ["sh", "-c", "true"], env: ["A=b"], cwd: "/app", tty: true }),
    user: { uid: 1000, gid: 1001, groups: [10], home: "/home/ann" },
    host: defaultHostConfig,
    mounts: [],
    streams: { stdin: "inherit", stdout: "inherit", stderr: "inherit" },
    lockFd: 3,
    ...change,
  };
}

const host = {
  hasUnifiedCgroup: false,
  maxOpenFiles: Infinity,
  grantableCapabilities: 2n ** 41n - 1n,
  devices: () => [],
};

describe("runtimeSpec", () => {
  const spec = runtimeSpec(launchOf(), host);

  it("runtimeSpec carries the process over", () => {
    expect(spec.process).toMatchObject({
      terminal: true,
      user: { uid: 1000, gid: 1001, additionalGids: [10], umask: 0o022 },
      args: ["sh", "-c", "true"],
      env: ["A=b", "HOME=/home/ann"],
      cwd: "/app",
      noNewPrivileges: false,
    });
    expect(spec.root).toEqual({ path: "/state/containers/f/rootfs", readonly: false });
    expect(spec.hostname).toBe("box");
  });

  it("runtimeSpec keeps a HOME that was given", () => {
    const own = launchOf({ process: processOf({ env: ["HOME=/mine"] }) });
    expect(runtimeSpec(own, host).process.env).toEqual(["HOME=/mine"]);
  });

  it("runtimeSpec isolates all but the network, and cgroups where they can be", () => {
    expect(spec.linux.namespaces.map(({ type }) => type)).toEqual(["mount", "pid", "ipc", "uts"]);
    const unified = runtimeSpec(launchOf(), { ...host, hasUnifiedCgroup: true });
    expect(unified.linux.namespaces.map(({ type }) => type)).toContain("cgroup");
  });

  it("runtimeSpec grants no capability that leads out, and none to inherit", () => {
    const { capabilities } = spec.process;
    expect(capabilities.bounding).toEqual(capabilities.permitted);
    expect(capabilities.bounding).toHaveLength(14);
    for (const name of ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_MODULE", "CAP_NET_ADMIN", "CAP_DAC_READ_SEARCH"]) {
      expect(capabilities.bounding).not.toContain(name);
    }
    expect(capabilities).not.toHaveProperty("inheritable");
    expect(capabilities).not.toHaveProperty("ambient");
  });

  it("runtimeSpec denies devices first and opens only harmless ones", () => {
    const { devices } = spec.linux.resources;
    expect(devices[0]).toEqual({ allow: false, access: "rwm" });
    for (const rule of devices.slice(1)) {
      expect(rule.access === "m" || (rule.type === "c" && [1, 5, 136].includes(rule.major ?? -1))).toBe(true);
    }
  });

  it("runtimeSpec mounts what programs expect and binds its own network files", () => {
    const destinations = spec.mounts.map(({ destination }) => destination);
    expect(destinations).toEqual([
      ...["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"],
      ...["/etc/resolv.conf", "/etc/hosts", "/etc/hostname"],
    ]);
    expect(spec.mounts.find(({ destination }) => destination === "/sys")?.options).toContain("ro");
    expect(spec.mounts.at(-1)).toMatchObject({ type: "bind", source: "/state/containers/f/run/hostname" });
    expect(spec.linux.maskedPaths).toContain("/proc/kcore");
    expect(spec.linux.readonlyPaths).toContain("/proc/sys");
  });

  it("runtimeSpec limits open files, and never beyond our own limit", () => {
    expect(spec.process.rlimits).toEqual([{ type: "RLIMIT_NOFILE", soft: 1024, hard: 524_288 }]);
    const low = runtimeSpec(launchOf(), { ...host, maxOpenFiles: 512 });
    expect(low.process.rlimits).toEqual([{ type: "RLIMIT_NOFILE", soft: 512, hard: 512 }]);
  });

  it("runtimeSpec is a document: nothing is lost in JSON", () => {
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
  });
});
