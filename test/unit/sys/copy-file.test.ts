import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as c from "../../../driver/sys/constants.ts";
import { DataCopier } from "../../../driver/sys/copy-data.ts";
import { copyNode } from "../../../driver/sys/copy-file.ts";
import * as linux from "../../../driver/sys/linux.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";
import { openDescriptors } from "./deep-tree.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();
const at = (name: string): string => join(scratch.path, name);
const options = { privileges: detectPrivileges() };
const copy = (from: string, to: string): boolean => copyNode(scratch.fd, from, scratch.fd, to, options);

describe("copyNode", () => {
  it("copies files, symlinks, fifos, sockets and whiteouts with mode and times", () => {
    writeFileSync(at("file"), "data", { mode: 0o640 });
    symlinkSync("target", at("link"));
    linux.mknodat(scratch.fd, "fifo", c.S_IFIFO | 0o640);
    linux.mknodat(scratch.fd, "socket", c.S_IFSOCK | 0o640);
    linux.mknodat(scratch.fd, "whiteout", c.S_IFCHR | 0o640, 0, 0);
    for (const name of ["file", "link", "fifo", "socket", "whiteout"]) {
      linux.utimensat(scratch.fd, name, -7n, 12_345_678_901_234_567n);
      expect(copy(name, `${name}2`)).toBe(true);
      const [from, to] = [linux.fstatat(scratch.fd, name), linux.fstatat(scratch.fd, `${name}2`)];
      expect([to.mode, to.mtimeNs, to.size, to.uid]).toEqual([from.mode, 12_345_678_901_234_567n, from.size, from.uid]);
    }
    expect(readFileSync(at("file2"), "utf8")).toBe("data");
    expect(linux.readlinkat(scratch.fd, "link2").toString()).toBe("target");
  });

  it("throws by code when it cannot, and leaves neither a part nor an open descriptor", () => {
    writeFileSync(at("file"), "data");
    writeFileSync(at("taken"), "kept");
    mkdirSync(at("dir"));
    const before = openDescriptors();
    expect(codeOf(() => copy("file", "taken"))).toBe("ERR_ALREADY_EXISTS");
    expect(codeOf(() => copy("none", "new"))).toBe("ERR_NOT_FOUND");
    expect(codeOf(() => copy("dir", "new"))).toBe("ERR_INVALID_ARGUMENT");
    expect(() => copy("none", "new")).toThrow('cannot copy "none": ENOENT');
    expect(readFileSync(at("taken"), "utf8")).toBe("kept");
    expect(linux.tryFstatat(scratch.fd, "new")).toBeUndefined();
    expect(openDescriptors()).toBe(before);
  });

  it("does not follow a symlink in the place of its destination", () => {
    writeFileSync(at("file"), "data");
    symlinkSync("elsewhere", at("link"));
    expect(codeOf(() => copy("file", "link"))).toBe("ERR_ALREADY_EXISTS");
    expect(linux.tryFstatat(scratch.fd, "elsewhere")).toBeUndefined();
  });
});

describe("DataCopier", () => {
  function withFiles(content: Buffer, action: (src: number, dest: number) => void): Buffer {
    writeFileSync(at("src"), content);
    const src = linux.openat(scratch.fd, "src", c.O_RDWR);
    const dest = linux.openat(scratch.fd, "dest", c.O_RDWR | c.O_CREAT, 0o600);
    action(src, dest);
    linux.closeFd(src);
    linux.closeFd(dest);
    return readFileSync(at("dest"));
  }

  it("gives what is left, and a hole, when the source shrank after its stat", () => {
    const copied = withFiles(Buffer.alloc(8192, "x"), (src, dest) => {
      const stat = linux.fstat(src);
      writeFileSync(at("src"), "short");
      new DataCopier().copy(src, dest, stat);
    });
    expect(copied.length === 8192 || copied.length === 5).toBe(true);
    expect(copied.subarray(0, 5).toString()).toBe("short");
    expect(copied.subarray(5).every((byte) => byte === 0)).toBe(true);
  });

  it("gives no more than there was, or all, when the source grew after its stat", () => {
    const copied = withFiles(Buffer.from("0123456789"), (src, dest) => {
      const stat = linux.fstat(src);
      writeFileSync(at("src"), "0123456789abc");
      new DataCopier().copy(src, dest, stat);
    });
    expect(["0123456789", "0123456789abc"]).toContain(copied.toString());
  });

  it("reads and writes when the kernel cannot copy between two files", () => {
    const dest = linux.openat(scratch.fd, "dest", c.O_RDWR | c.O_CREAT, 0o600);
    const src = linux.openat(linux.AT_FDCWD, "/proc/version", c.O_RDONLY);
    const expected = readFileSync("/proc/version");
    const stat = Object.assign(Object.create(linux.fstat(src)) as linux.Stat, { size: expected.length, blocks: 8 });
    new DataCopier().copy(src, dest, stat);
    linux.closeFd(src);
    linux.closeFd(dest);
    expect(readFileSync(at("dest"))).toEqual(expected);
  });
});
