import { describe, expect, it } from "vitest";
import { defaultCapabilities } from "../../../driver/container/defaults.ts";
import type { SeccompRule, SeccompSpec } from "../../../driver/container/runtime-spec.ts";
import { seccompOf } from "../../../driver/container/seccomp.ts";
import { defaultSeccomp } from "../../../driver/container/seccomp-profile.ts";
import { failureOf } from "./fixtures.ts";

const docker = (capabilities: readonly string[], architecture = "x64"): SeccompSpec => {
  const spec = defaultSeccomp(capabilities, architecture);
  if (spec === undefined) throw new Error("no profile");
  return spec;
};

/** What happens to a call whose arguments are not looked at. */
function fate(spec: SeccompSpec, name: string): string {
  const rule = spec.syscalls.find(({ names, args }) => names.includes(name) && args === undefined);
  return rule === undefined ? "unknown" : rule.action === "SCMP_ACT_ALLOW" ? "allowed" : `errno ${rule.errnoRet ?? 0}`;
}

describe("defaultSeccomp", () => {
  it("defaultSeccomp refuses what leads out, and says of unknown calls that there are none", () => {
    const spec = docker(defaultCapabilities);
    expect(spec).toMatchObject({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38 });
    for (const name of ["mount", "unshare", "setns", "bpf", "keyctl", "io_uring_setup", "kexec_load", "reboot"]) {
      expect([name, fate(spec, name)]).toEqual([name, "errno 1"]);
    }
    for (const name of ["openat", "futex", "ptrace", "chroot", "arch_prctl", "rseq"]) {
      expect([name, fate(spec, name)]).toEqual([name, "allowed"]);
    }
    for (const name of ["clone3", "a_call_of_next_year"]) expect(fate(spec, name)).toBe("unknown");
  });

  it("defaultSeccomp gives with capabilities what they are for", () => {
    expect(fate(docker(["CAP_SYS_ADMIN"]), "mount")).toBe("allowed");
    expect(fate(docker(["CAP_SYS_ADMIN"]), "clone3")).toBe("allowed");
    expect(fate(docker(["CAP_SYS_TIME"]), "clock_settime")).toBe("allowed");
    expect(fate(docker([]), "chroot")).toBe("errno 1");
  });

  it("defaultSeccomp says each call once, whether or not it is for this machine", () => {
    for (const architecture of ["x64", "arm64"]) {
      for (const capabilities of [[], defaultCapabilities, ["CAP_SYS_ADMIN", "CAP_BPF", "CAP_SYSLOG"]]) {
        const plain = docker(capabilities, architecture).syscalls.filter(
          (rule: SeccompRule) => rule.args === undefined,
        );
        const names = plain.flatMap((rule) => rule.names);
        expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
      }
    }
    expect(fate(docker([], "arm64"), "arch_prctl")).toBe("unknown");
    expect(defaultSeccomp([], "riscv64")).toBeUndefined();
  });
});

describe("seccompOf", () => {
  it("seccompOf reads profiles as Docker's users write them, by architecture and capabilities", () => {
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      defaultErrnoRet: 1,
      syscalls: [
        { names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 13, args: [] },
        { name: "mount", action: "SCMP_ACT_ERRNO", excludes: { caps: ["CAP_SYS_ADMIN"] } },
        { names: ["chroot"], action: "SCMP_ACT_ERRNO", includes: { caps: ["CAP_SYS_CHROOT"] } },
        { names: ["read"], action: "SCMP_ACT_ERRNO", includes: { arches: ["s390x"] } },
      ],
    };
    expect(seccompOf(JSON.stringify(profile), ["CAP_SYS_ADMIN"])).toEqual({
      defaultAction: "SCMP_ACT_ALLOW",
      defaultErrnoRet: 1,
      syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }],
    });
    expect(seccompOf("unconfined", [])).toBeUndefined();
    for (const wrong of ["{", "[]", "{}", '{"defaultAction":"x","syscalls":[{"action":"y"}]}']) {
      expect(failureOf(() => seccompOf(wrong, [])).code).toBe("ERR_INVALID_ARGUMENT");
    }
  });
});
