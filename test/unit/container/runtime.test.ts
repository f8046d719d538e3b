import { describe, expect, it } from "vitest";
import { findOnPath } from "../../../driver/container/programs.ts";
import { chooseRuntime } from "../../../driver/container/runtime.ts";
import type { Privileges } from "../../../driver/sys/privileges.ts";
import { TestFolder } from "./fixtures.ts";

const administrator: Privileges = {
  uid: 0,
  canChown: true,
  canMknod: true,
  canMount: true,
  overlayXattr: "trusted.overlay.",
};
const ordinaryUser: Privileges = { ...administrator, uid: 1000, canMount: false, overlayXattr: "user.overlay." };
const rootOfNamespace: Privileges = { ...administrator, canMknod: false, overlayXattr: "user.overlay." };

function withPath<T>(path: string, act: () => T): T {
  const before = process.env["PATH"];
  process.env["PATH"] = path;
  try {
    return act();
  } finally {
    process.env["PATH"] = before;
  }
}

describe("chooseRuntime", () => {
  it("chooseRuntime prefers runc for an administrator", () => {
    using folder = new TestFolder();
    const runc = folder.write("runc", "", 0o755);
    folder.write("crun", "", 0o755);
    const chosen = withPath(folder.path, () => chooseRuntime({ wanted: undefined, privileges: administrator }));
    expect(chosen).toMatchObject({ name: "runc", path: runc });
  });

  it.each([ordinaryUser, rootOfNamespace])("chooseRuntime uses the built-in runner for %j", (privileges) => {
    expect(chooseRuntime({ wanted: "", privileges })).toMatchObject({ name: "chroot", path: null });
  });

  it("chooseRuntime does as it is told, or says that it cannot", () => {
    using folder = new TestFolder();
    const crun = folder.write("opt/crun", "", 0o755);
    const text = folder.write("text", "", 0o644);
    const choose = (wanted: string) => chooseRuntime({ wanted, privileges: administrator });
    expect(choose("chroot")).toMatchObject({ name: "chroot", path: null });
    expect(choose(crun)).toMatchObject({ name: "crun", path: crun });
    expect(() => choose(text)).toThrow(/no such program/);
    expect(() => choose("/nowhere/runc")).toThrow(/no such program/);
  });

  it("findOnPath ignores relative directories: whoever chose the working directory must not choose the program", () => {
    expect(withPath(".:", () => findOnPath("package.json"))).toBeUndefined();
  });
});
