import { chmodSync, linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bytesOf } from "../../../driver/base/path-bytes.ts";
import * as c from "../../../driver/sys/constants.ts";
import { copyTree } from "../../../driver/sys/copy-tree.ts";
import * as linux from "../../../driver/sys/linux.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";
import { removeTree } from "../../../driver/sys/remove-tree.ts";
import { depthOf, makeDeep, openDescriptors } from "./deep-tree.ts";
import { listing } from "./listing.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();
const at = (name: string): string => join(scratch.path, name);
const options = { privileges: detectPrivileges() };

/** Some of all that a tree may hold without privileges, with times long ago. */
function makeTree(): void {
  mkdirSync(at("src/a/b"), { recursive: true });
  mkdirSync(Buffer.concat([Buffer.from(at("src/")), bytesOf("\xff\x01")]));
  writeFileSync(Buffer.concat([Buffer.from(at("src/")), bytesOf("\xff\x01/\xe9")]), "bytes");
  writeFileSync(at("src/a/file"), "content");
  writeFileSync(at("src/empty"), "");
  writeFileSync(at("src/large"), Buffer.alloc(3 << 20, "large"));
  linkSync(at("src/a/file"), at("src/a/b/linked"));
  linkSync(at("src/a/file"), at("src/linked"));
  symlinkSync("/etc/passwd", at("src/absolute"));
  symlinkSync("dangling", at("src/a/s"));
  linkSync(at("src/a/s"), at("src/a/s2"));
  linux.mknodat(scratch.fd, "src/fifo", c.S_IFIFO | 0o600);
  linux.mknodat(scratch.fd, "src/a/whiteout", c.S_IFCHR, 0, 0);
  linux.setxattrat(scratch.fd, "src/a/file", "user.k", Buffer.from([0, 1]));
  linux.setxattrat(scratch.fd, "src/a", "user.d", Buffer.from("dir"));
  chmodSync(at("src/a/file"), 0o4750);
  chmodSync(at("src/fifo"), 0o622);
  chmodSync(at("src/a/b"), 0o1711);
  const timed = ["src/a/file", "src/empty", "src/absolute", "src/fifo", "src/a/b", "src/a", "src"];
  timed.forEach((path, index) => {
    linux.utimensat(scratch.fd, path, 1n, -5_000_000_001n + BigInt(index));
  });
}

describe("copyTree", () => {
  it("copies contents, modes, times, attributes, links and bytes of names, and leaves the source as it was", () => {
    makeTree();
    const before = listing(at("src"));
    const descriptors = openDescriptors();
    copyTree(at("src"), at("dest"), options);
    expect(listing(at("dest"))).toEqual(before);
    expect(listing(at("src"))).toEqual(before);
    expect(before.length).toBe(15);
    expect(openDescriptors()).toBe(descriptors);
    expect(linux.fstatat(scratch.fd, "dest/linked").nlink).toBe(3);
    expect(linux.fstatat(scratch.fd, "dest/a/s").nlink).toBe(2);
  });

  it("copies into an empty directory that is there, bytes of its path too", () => {
    makeTree();
    mkdirSync(at("dest"), { mode: 0o711 });
    copyTree(Buffer.from(at("src")), Buffer.from(at("dest")), options);
    expect(listing(at("dest"))).toEqual(listing(at("src")));
  });

  it("makes links to the originals when told to share, and the copy's directories are its own", () => {
    makeTree();
    copyTree(at("src"), at("dest"), { ...options, share: true });
    expect(listing(at("dest"))).toEqual(listing(at("src")));
    for (const name of ["a/file", "empty", "fifo", "absolute", "a/whiteout"]) {
      expect(linux.fstatat(scratch.fd, `dest/${name}`).devIno).toBe(linux.fstatat(scratch.fd, `src/${name}`).devIno);
    }
    expect(linux.fstatat(scratch.fd, "dest/a").devIno).not.toBe(linux.fstatat(scratch.fd, "src/a").devIno);
    removeTree(at("dest"));
    expect(linux.fstatat(scratch.fd, "src/empty").nlink).toBe(1);
  });

  it("keeps holes", () => {
    mkdirSync(at("src"));
    const fd = linux.openat(scratch.fd, "src/sparse", c.O_CREAT | c.O_WRONLY, 0o600);
    for (const offset of [4 << 20, 64 << 20]) linux.pwriteAll(fd, Buffer.alloc(8192, "data"), offset);
    linux.closeFd(fd);
    const tail = linux.openat(scratch.fd, "src/hole-at-end", c.O_CREAT | c.O_WRONLY, 0o600);
    linux.writeAll(tail, Buffer.from("head"));
    linux.pwriteAll(tail, Buffer.from("x"), (32 << 20) - 1);
    linux.fallocate(tail, c.FALLOC_FL_PUNCH_HOLE | c.FALLOC_FL_KEEP_SIZE, 4096, (32 << 20) - 4096);
    linux.closeFd(tail);
    copyTree(at("src"), at("dest"), options);
    expect(listing(at("dest"))).toEqual(listing(at("src")));
    for (const name of ["sparse", "hole-at-end"]) {
      const [from, to] = [linux.fstatat(scratch.fd, `src/${name}`), linux.fstatat(scratch.fd, `dest/${name}`)];
      expect(to.size).toBe(from.size);
      expect(to.blocks).toBeLessThanOrEqual(Math.max(from.blocks, 128));
    }
  });

  it("never copies overlay's marks, nor takes them away", () => {
    mkdirSync(at("src/d"), { recursive: true });
    mkdirSync(at("dest"));
    writeFileSync(at("src/d/f"), "");
    for (const path of ["src", "src/d", "src/d/f"]) {
      linux.setxattrat(scratch.fd, path, "user.overlay.opaque", Buffer.from("y"));
      linux.setxattrat(scratch.fd, path, "user.overlay", Buffer.from("kept"));
    }
    linux.setxattrat(scratch.fd, "dest", "user.overlay.origin", Buffer.from("own"));
    linux.setxattrat(scratch.fd, "dest", "user.stale", Buffer.from("old"));
    copyTree(at("src"), at("dest"), options);
    for (const path of ["dest/d", "dest/d/f"]) expect(linux.listxattrat(scratch.fd, path)).toEqual(["user.overlay"]);
    expect(linux.listxattrat(scratch.fd, "dest").sort()).toEqual(["user.overlay", "user.overlay.origin"]);
  });

  it("throws ERR_ALREADY_EXISTS naming the file when a name is taken, and closes all it opened", () => {
    makeTree();
    mkdirSync(at("dest/a"), { recursive: true });
    const before = openDescriptors();
    expect(() => {
      copyTree(at("src"), at("dest"), options);
    }).toThrow(/cannot copy ".*src" to ".*dest": "a": EEXIST/);
    expect(
      codeOf(() => {
        copyTree(at("src"), at("dest"), options);
      }),
    ).toBe("ERR_ALREADY_EXISTS");
    expect(
      codeOf(() => {
        copyTree(at("none"), at("new"), options);
      }),
    ).toBe("ERR_NOT_FOUND");
    expect(openDescriptors()).toBe(before);
  });

  it("never writes through a symlink that waits in the destination", () => {
    mkdirSync(at("src/d"), { recursive: true });
    writeFileSync(at("src/d/f"), "new");
    mkdirSync(at("outside"));
    mkdirSync(at("dest"));
    symlinkSync(at("outside"), at("dest/d"));
    expect(
      codeOf(() => {
        copyTree(at("src"), at("dest"), options);
      }),
    ).toBe("ERR_ALREADY_EXISTS");
    expect(readdirSync(at("outside"))).toEqual([]);
  });

  it("copies thousands of levels, and links to files that no path reaches at once", () => {
    mkdirSync(at("src"));
    const src = linux.openat(scratch.fd, "src", c.O_DIRECTORY);
    makeDeep(src, "deep", 3000, (fd) => {
      linux.closeFd(linux.openat(fd, "one", c.O_CREAT | c.O_WRONLY, 0o640));
      linux.linkat(fd, "one", fd, "two");
      linux.linkat(fd, "one", src, "at-the-top");
      linux.mkdirat(fd, "sub", 0o700);
      linux.linkat(fd, "one", fd, "sub/three");
    });
    linux.closeFd(src);
    copyTree(at("src"), at("dest"), options);
    const dest = linux.openat(scratch.fd, "dest", c.O_DIRECTORY);
    const depth = depthOf(dest, "deep", (fd) => {
      const top = linux.fstatat(dest, "at-the-top");
      for (const name of ["one", "two", "sub/three"]) expect(linux.fstatat(fd, name).devIno).toBe(top.devIno);
      expect(top.nlink).toBe(4);
    });
    linux.closeFd(dest);
    expect(depth).toBe(3000);
    removeTree(at("src"));
    removeTree(at("dest"));
  });
});
