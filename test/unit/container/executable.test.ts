import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ProcessConfig } from "../../../driver/container/container.ts";
import { findExecutable } from "../../../driver/container/executable.ts";
import { Rootfs } from "../../../driver/container/rootfs.ts";
import { failureOf, processOf, TestFolder } from "./fixtures.ts";

function find(folder: TestFolder, name: string, config: Partial<ProcessConfig> = {}): string {
  using rootfs = new Rootfs(folder.path);
  return findExecutable(rootfs, processOf({ args: [name], ...config }));
}

describe("findExecutable", () => {
  it("findExecutable walks the container's PATH in order and skips what cannot run", () => {
    using folder = new TestFolder();
    folder.write("usr/bin/tool", "", 0o644);
    folder.write("bin/tool", "", 0o755);
    folder.write("bin/other", "", 0o755);
    folder.write("usr/bin/other", "", 0o755);
    expect(find(folder, "tool")).toBe("/bin/tool");
    expect(find(folder, "other")).toBe("/usr/bin/other");
  });

  it("findExecutable takes names with a slash as they are, relative to the working directory", () => {
    using folder = new TestFolder();
    folder.write("app/run", "", 0o755);
    expect(find(folder, "/app/run")).toBe("/app/run");
    expect(find(folder, "./run", { cwd: "/app" })).toBe("/app/./run");
    expect(find(folder, "run", { cwd: "/app", env: ["PATH="] })).toBe("/app/run");
    expect(find(folder, "run", { cwd: "/", env: ["PATH=app"] })).toBe("//app/run");
  });

  it("findExecutable says 127 for what is not there and 126 for what cannot run", () => {
    using folder = new TestFolder();
    folder.write("bin/text", "", 0o644);
    folder.write("bin/dir/x", "");
    folder.write("file", "");
    expect(failureOf(() => find(folder, "nope"))).toMatchObject({ exitCode: 127, code: "ERR_NOT_FOUND" });
    expect(failureOf(() => find(folder, "/nope"))).toMatchObject({ exitCode: 127 });
    expect(failureOf(() => find(folder, "/file/x"))).toMatchObject({ exitCode: 127 });
    expect(failureOf(() => find(folder, "text"))).toMatchObject({ exitCode: 126 });
    expect(failureOf(() => find(folder, "/bin/dir"))).toMatchObject({ exitCode: 126 });
    expect(failureOf(() => find(folder, "dir")).message).toContain("is a directory");
    expect(failureOf(() => find(folder, "tool", { env: [] }))).toMatchObject({ exitCode: 127 });
  });

  it("findExecutable follows links within the container only", () => {
    using folder = new TestFolder();
    folder.write("opt/real", "", 0o755);
    folder.write("bin/.keep", "");
    symlinkSync("/opt/real", join(folder.path, "bin/good"));
    symlinkSync("../../../../../bin/sh", join(folder.path, "bin/climbs"));
    symlinkSync(process.execPath, join(folder.path, "bin/outside"));
    expect(find(folder, "good")).toBe("/bin/good");
    expect(failureOf(() => find(folder, "climbs"))).toMatchObject({ exitCode: 127 });
    expect(failureOf(() => find(folder, "outside"))).toMatchObject({ exitCode: 127 });
  });
});
