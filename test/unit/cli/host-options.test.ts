import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import type { Command } from "../../../driver/cli/command.ts";
import { parseCommand } from "../../../driver/cli/command-line.ts";
import { containerOptions } from "../../../driver/cli/container-options.ts";
import { parseCount, parseTime } from "../../../driver/cli/durations.ts";
import { UsageError } from "../../../driver/cli/errors.ts";
import { hostOf } from "../../../driver/cli/host-options.ts";

const command: Command = {
  arguments: "<image> [command...]",
  options: containerOptions,
  examples: [],
  stopsAtFirstArgument: true,
  run: () => Promise.resolve({}),
};

function host(...words: readonly string[]): ReturnType<typeof hostOf> {
  return hostOf(parseCommand("run", command, [...words, "image"]).options);
}

const here = tmpdir();

describe("hostOf", () => {
  it("hostOf asks for nothing when nothing is given", () => {
    expect(host()).toEqual({
      mounts: [],
      readonlyRootfs: false,
      capAdd: [],
      capDrop: [],
      privileged: false,
      ulimits: [],
      memoryBytes: null,
      cpus: null,
      network: "host",
      labels: {},
      devices: [],
      groupAdd: [],
      sysctls: {},
      pidsLimit: null,
      init: false,
      extraHosts: [],
      dns: { servers: [], search: [], options: [] },
    });
  });

  it("hostOf reads what is asked of the kernel, of devices and of names", () => {
    const options = [
      "--security-opt",
      "seccomp=unconfined",
      "--security-opt",
      "no-new-privileges",
      "--pids-limit",
      "9",
    ];
    const names = [
      "--add-host",
      "db:10.0.0.1",
      "--add-host",
      "six:[::1]",
      "--dns",
      "9.9.9.9",
      "--device",
      "/dev/fuse:rw",
    ];
    expect(host(...options, ...names, "--shm-size", "1m", "--stop-timeout", "3", "--sysctl", "a.b=c=d")).toMatchObject({
      seccomp: "unconfined",
      noNewPrivileges: true,
      pidsLimit: 9,
      extraHosts: [
        ["db", "10.0.0.1"],
        ["six", "::1"],
      ],
      dns: { servers: ["9.9.9.9"] },
      devices: [{ source: "/dev/fuse", target: "/dev/fuse", access: "rw" }],
      shmBytes: 1024 * 1024,
      stopSeconds: 3,
      sysctls: { "a.b": "c=d" },
    });
  });

  it.each([
    [["-v", `${here}:/in`], { type: "bind", source: here, target: "/in", readonly: false }],
    [["-v", `${here}:/in:ro`], { type: "bind", source: here, target: "/in", readonly: true }],
    [["-v", "/data"], { type: "volume", target: "/data" }],
    [
      ["--mount", `type=bind,src=${here},dst=/in,readonly`],
      { type: "bind", source: here, target: "/in", readonly: true },
    ],
    [["--mount", "type=tmpfs,target=/t,tmpfs-size=1m"], { type: "tmpfs", target: "/t", options: ["size=1m"] }],
    [["--tmpfs", "/t:size=1m,mode=700"], { type: "tmpfs", target: "/t", options: ["size=1m", "mode=700"] }],
    [["--tmpfs", "/t"], { type: "tmpfs", target: "/t", options: [] }],
  ])("hostOf reads %j", (words, mount) => {
    expect(host(...words).mounts).toEqual([mount]);
  });

  it("hostOf reads limits, labels and signals", () => {
    expect(host("-m", "512m", "--cpus=1.5", "--ulimit", "nofile=10:20", "--net=none", "-l", "a=b=c")).toMatchObject({
      memoryBytes: 512 * 2 ** 20,
      cpus: 1.5,
      ulimits: [{ name: "nofile", soft: 10, hard: 20 }],
      network: "none",
      labels: { a: "b=c" },
    });
    expect(host("--stop-signal", "int")).toMatchObject({ stopSignal: "SIGINT" });
  });

  it.each([
    [["-v", "named:/data"], /no named volumes/],
    [["-v", "/not/here/at/all:/data"], /no "\/not\/here/],
    [["-v", `${here}:relative`], /not an absolute path/],
    [["-v", `${here}:/in:sync`], /--volume cannot be/],
    [["--mount", `type=bind,src=${here},target=/in,frob=1`], /--mount cannot be/],
    [["--ulimit", "nofile=20:10"], /--ulimit cannot be/],
    [["-m", "lots"], /--memory cannot be/],
    [["--cpus", "0"], /--cpus cannot be/],
    [["--network", "bridge"], /bridge/],
  ])("hostOf refuses %j", (words, message) => {
    expect(() => host(...words)).toThrow(UsageError);
    expect(() => host(...words)).toThrow(message);
  });
});

describe("parseTime", () => {
  const now = new Date("2026-01-02T00:00:00Z");

  it.each([
    ["10m", "2026-01-01T23:50:00Z"],
    ["1h30m", "2026-01-01T22:30:00Z"],
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
    ["1767225600", "2026-01-01T00:00:00Z"],
  ])("parseTime reads %s", (text, time) => {
    expect(parseTime("--since", text, now)).toBe(Date.parse(time));
  });

  it("parseTime and parseCount refuse what is none", () => {
    expect(() => parseTime("--since", "soon", now)).toThrow(UsageError);
    expect(() => parseCount("--tail", "-1")).toThrow(UsageError);
  });
});
