import { existsSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Rootfs } from "../../../driver/container/rootfs.ts";
import { failureOf, TestFolder } from "./fixtures.ts";

describe("Rootfs", () => {
  it("ensureDirectory makes what is missing, 0755 whatever the umask, and says where it is", () => {
    using folder = new TestFolder();
    using rootfs = new Rootfs(folder.path);
    const umask = process.umask(0o077);
    try {
      expect(rootfs.ensureDirectory("/a/b")).toBe("a/b");
    } finally {
      process.umask(umask);
    }
    expect(statSync(join(folder.path, "a/b")).mode & 0o7777).toBe(0o755);
    expect(rootfs.ensureDirectory("/a/b")).toBe("a/b");
    expect(rootfs.ensureDirectory("/")).toBe(".");
  });

  it("ensureDirectory goes through links within the root, and stays in it", () => {
    using outside = new TestFolder();
    using folder = new TestFolder();
    folder.write("real/.keep", "");
    symlinkSync("/real", join(folder.path, "absolute"));
    symlinkSync("../../../../real", join(folder.path, "climbs"));
    symlinkSync(outside.path, join(folder.path, "escapes"));
    using rootfs = new Rootfs(folder.path);
    expect(rootfs.ensureDirectory("/absolute/x")).toBe("real/x");
    expect(rootfs.ensureDirectory("/climbs/y")).toBe("real/y");
    expect(failureOf(() => rootfs.ensureDirectory("/escapes/z"))).toMatchObject({ exitCode: 125 });
    expect(readdirSync(outside.path)).toEqual([]);
  });

  it("ensureDirectory and ensureFile refuse what is in the way", () => {
    using folder = new TestFolder();
    folder.write("file", "");
    symlinkSync("nowhere", join(folder.path, "dangling"));
    using rootfs = new Rootfs(folder.path);
    expect(failureOf(() => rootfs.ensureDirectory("/file")).message).toContain("not a directory");
    expect(failureOf(() => rootfs.ensureDirectory("/file/x")).message).toContain("not a directory");
    expect(failureOf(() => rootfs.ensureDirectory("/dangling")).message).toContain("link to nowhere");
    expect(failureOf(() => rootfs.ensureFile("/dangling")).message).toContain("link to nowhere");
    expect(existsSync(join(folder.path, "nowhere"))).toBe(false);
  });

  it("ensureFile keeps a file that is there and makes an empty one otherwise", () => {
    using folder = new TestFolder();
    folder.write("etc/hosts", "kept");
    using rootfs = new Rootfs(folder.path);
    expect(rootfs.ensureFile("/etc/hosts")).toBe("etc/hosts");
    expect(rootfs.readText("/etc/hosts")).toBe("kept");
    expect(rootfs.ensureFile("/new/place/file")).toBe("new/place/file");
    expect(rootfs.readText("/new/place/file")).toBe("");
    expect(rootfs.readText("/missing")).toBeUndefined();
  });

  it("Rootfs leaves no descriptors open", () => {
    using folder = new TestFolder();
    folder.write("etc/passwd", "x");
    const before = readdirSync("/proc/self/fd").length;
    for (let round = 0; round < 20; round++) {
      using rootfs = new Rootfs(folder.path);
      rootfs.readText("/etc/passwd");
      rootfs.stat("/etc");
      rootfs.ensureDirectory(`/made/${round}`);
      failureOf(() => rootfs.ensureDirectory("/etc/passwd/x"));
    }
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });
});
