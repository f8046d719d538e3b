import { execFileSync } from "node:child_process";
import { symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Rootfs } from "../../../driver/container/rootfs.ts";
import { type ResolvedUser, resolveUser } from "../../../driver/container/user.ts";
import { failureOf, TestFolder } from "./fixtures.ts";

const passwd = [
  "root:x:0:0:root:/root:/bin/sh",
  "# not an entry",
  "bad:x:minus one:0::/:",
  "ann:x:1000:1001:Ann:/home/ann:/bin/sh",
  "1000:x:7:7:a name of digits:/seven:/bin/sh",
  "",
].join("\n");
const group = ["root:x:0:", "ann:x:1001:", "wheel:x:10:bob,ann", "audio:x:29:ann", "huge:x:99999999999:ann"].join("\n");

function folderWith(files: Readonly<Record<string, string>>): TestFolder {
  const folder = new TestFolder();
  folder.write("etc/.keep", "");
  for (const [name, content] of Object.entries(files)) folder.write(name, content);
  return folder;
}

function resolveIn(folder: TestFolder, user: string): ResolvedUser {
  using rootfs = new Rootfs(folder.path);
  return resolveUser(rootfs, user);
}

describe("resolveUser", () => {
  it.each([
    ["", { uid: 0, gid: 0, groups: [], home: "/root" }],
    ["root", { uid: 0, gid: 0, groups: [], home: "/root" }],
    ["ann", { uid: 1000, gid: 1001, groups: [10, 29], home: "/home/ann" }],
    ["1000", { uid: 1000, gid: 1001, groups: [10, 29], home: "/home/ann" }],
    ["ann:wheel", { uid: 1000, gid: 10, groups: [], home: "/home/ann" }],
    ["ann:5", { uid: 1000, gid: 5, groups: [], home: "/home/ann" }],
    ["4242", { uid: 4242, gid: 0, groups: [], home: "/" }],
    ["4242:4243", { uid: 4242, gid: 4243, groups: [], home: "/" }],
    [":29", { uid: 0, gid: 29, groups: [], home: "/root" }],
  ])("resolveUser reads %j", (user, expected) => {
    using folder = folderWith({ "etc/passwd": passwd, "etc/group": group });
    expect(resolveIn(folder, user)).toEqual(expected);
  });

  it.each(["nobody", "ann:nogroup", "-1", "2147483648", "1.5", "0x10", "a:b:c", "bad"])(
    "resolveUser refuses %j",
    (user) => {
      using folder = folderWith({ "etc/passwd": passwd, "etc/group": group });
      expect(failureOf(() => resolveIn(folder, user))).toMatchObject({ exitCode: 125 });
    },
  );

  it("resolveUser needs no files for numbers", () => {
    using folder = folderWith({});
    expect(resolveIn(folder, "")).toEqual({ uid: 0, gid: 0, groups: [], home: "/" });
    expect(resolveIn(folder, "5:6")).toEqual({ uid: 5, gid: 6, groups: [], home: "/" });
    expect(failureOf(() => resolveIn(folder, "ann")).message).toContain("/etc/passwd");
  });

  it("resolveUser resolves links within the container, never to the host's files", () => {
    using outside = new TestFolder();
    const hosts = outside.write("passwd", "mallory:x:666:666::/:\n");
    using folder = folderWith({});
    symlinkSync(hosts, join(folder.path, "etc/passwd"));
    expect(failureOf(() => resolveIn(folder, "mallory")).message).toContain("no user");

    using climbing = folderWith({ "real/passwd": "inner:x:5:5::/:\n" });
    symlinkSync("../../../../../../real/passwd", join(climbing.path, "etc/passwd"));
    expect(resolveIn(climbing, "inner").uid).toBe(5);
  });

  it("resolveUser does not wait for a pipe", () => {
    using folder = folderWith({});
    execFileSync("mkfifo", [join(folder.path, "etc/passwd")]);
    expect(failureOf(() => resolveIn(folder, "ann")).message).toContain("not a regular file");
  });

  it("resolveUser does not read without end", () => {
    using folder = folderWith({ "etc/group": "" });
    const path = join(folder.path, "etc/passwd");
    writeFileSync(path, "");
    truncateSync(path, 1024 ** 3);
    expect(failureOf(() => resolveIn(folder, "ann")).message).toContain("longer than 1 MiB");
  });

  it("resolveUser refuses a directory and a loop of links", () => {
    using folder = folderWith({ "etc/passwd/x": "" });
    expect(failureOf(() => resolveIn(folder, "ann")).message).toContain("not a regular file");
    using looping = folderWith({});
    symlinkSync("passwd", join(looping.path, "etc/passwd"));
    expect(failureOf(() => resolveIn(looping, "ann")).message).toContain("too many links");
  });
});
