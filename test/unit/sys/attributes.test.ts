import { lstatSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getegid, geteuid } from "node:process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as c from "../../../driver/sys/constants.ts";
import * as linux from "../../../driver/sys/linux.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();
const at = (name: string): string => join(scratch.path, name);
const isRoot = geteuid?.() === 0;

describe("fstatat", () => {
  it("tells what lstat tells, of a file, a directory and a symlink", () => {
    writeFileSync(at("f"), "hello");
    mkdirSync(at("d"));
    symlinkSync("f", at("s"));
    for (const name of ["f", "d", "s"]) {
      const mine = linux.fstatat(scratch.fd, name);
      const nodes = lstatSync(at(name), { bigint: true });
      const { mode, uid, gid, nlink, size, blocks, dev, ino, atimeNs, mtimeNs, ctimeNs } = nodes;
      expect(mine).toMatchObject(
        Object.fromEntries(
          Object.entries({ mode, uid, gid, nlink, size, blocks, dev }).map(([key, value]) => [key, Number(value)]),
        ),
      );
      expect([mine.ino, mine.atimeNs, mine.mtimeNs, mine.ctimeNs]).toEqual([ino, atimeNs, mtimeNs, ctimeNs]);
    }
  });

  it("follows when its flags are 0, and tells of the descriptor when the path is empty", () => {
    writeFileSync(at("f"), "hello");
    symlinkSync("f", at("s"));
    expect(linux.fstatat(scratch.fd, "s", 0).devIno).toBe(linux.fstatat(scratch.fd, "f").devIno);
    const fd = linux.openat(scratch.fd, "s", c.O_PATH | c.O_NOFOLLOW);
    expect(c.S_ISLNK(linux.fstat(fd).mode)).toBe(true);
    linux.closeFd(fd);
  });

  it("tells of a device by its two numbers", () => {
    const { rdevMajor, rdevMinor } = linux.fstatat(linux.AT_FDCWD, "/dev/null");
    expect([rdevMajor, rdevMinor]).toEqual([1, 3]);
  });

  it("is exact when a file is sparse and huge", () => {
    const fd = linux.openat(scratch.fd, "f", c.O_RDWR | c.O_CREAT, 0o600);
    linux.pwriteAll(fd, Buffer.from("x"), 2 ** 40);
    expect(linux.fstat(fd).size).toBe(2 ** 40 + 1);
    linux.closeFd(fd);
  });
});

describe("tryFstatat", () => {
  it("is undefined for ENOENT and ENOTDIR and throws for the rest", () => {
    writeFileSync(at("f"), "");
    symlinkSync("loop", at("loop"));
    expect(linux.tryFstatat(scratch.fd, "none")).toBeUndefined();
    expect(linux.tryFstatat(scratch.fd, "f/x")).toBeUndefined();
    expect(linux.tryFstatat(scratch.fd, "f")?.size).toBe(0);
    expect(codeOf(() => linux.tryFstatat(scratch.fd, "loop/x"))).toBe("ELOOP");
  });
});

describe("fchown and fchownat", () => {
  it("leave alone what is -1 and refuse ids that are none", () => {
    writeFileSync(at("f"), "");
    linux.fchownat(scratch.fd, "f", -1, -1);
    linux.fchownat(scratch.fd, "f", geteuid?.() ?? 0, getegid?.() ?? 0);
    expect(linux.fstatat(scratch.fd, "f").uid).toBe(geteuid?.());
    for (const id of [2 ** 32 - 1, 2 ** 32, -2, 0.5, NaN]) {
      expect(
        codeOf(() => {
          linux.fchownat(scratch.fd, "f", id, -1);
        }),
      ).toBe("EINVAL");
    }
  });

  it.skipIf(!isRoot)("give a symlink itself away, to the greatest id there is", () => {
    writeFileSync(at("f"), "");
    symlinkSync("f", at("s"));
    linux.fchownat(scratch.fd, "s", 2 ** 32 - 2, 1234);
    expect(linux.fstatat(scratch.fd, "s")).toMatchObject({ uid: 2 ** 32 - 2, gid: 1234 });
    expect(linux.fstatat(scratch.fd, "f").uid).toBe(0);
    const fd = linux.openat(scratch.fd, "f", c.O_RDONLY);
    linux.fchown(fd, 70000, 70001);
    expect(linux.fstat(fd)).toMatchObject({ uid: 70000, gid: 70001 });
    linux.closeFd(fd);
  });
});

describe("fchmod and fchmodat", () => {
  for (const [name, chmod] of [
    ["fchmodat", linux.fchmodat],
    ["fchmodatThroughProc", linux.fchmodatThroughProc],
  ] as const) {
    it(`${name} sets all twelve bits of files, directories and fifos whatever the umask`, () => {
      writeFileSync(at("f"), "");
      mkdirSync(at("d"));
      linux.mknodat(scratch.fd, "p", c.S_IFIFO | 0o600);
      for (const [entry, mode] of [
        ["f", 0o6757],
        ["d", 0o1777],
        ["p", 0o222],
      ] as const) {
        chmod(scratch.fd, entry, mode);
        expect(statSync(at(entry)).mode & 0o7777).toBe(mode);
      }
    });

    it(`${name} throws ENOTSUP for a symlink and leaves its target alone`, () => {
      writeFileSync(at("f"), "", { mode: 0o600 });
      symlinkSync("f", at("s"));
      expect(
        codeOf(() => {
          chmod(scratch.fd, "s", 0o777);
        }),
      ).toBe("ENOTSUP");
      expect(statSync(at("f")).mode & 0o7777).toBe(0o600);
    });
  }

  it("fchmod sets the mode of an open file", () => {
    const fd = linux.openat(scratch.fd, "f", c.O_RDWR | c.O_CREAT, 0o600);
    linux.fchmod(fd, 0o4711);
    expect(linux.fstat(fd).mode).toBe(c.S_IFREG | 0o4711);
    linux.closeFd(fd);
  });
});

describe("utimensat", () => {
  it("sets nanoseconds exactly, before and after 1970, of names, symlinks and descriptors", () => {
    writeFileSync(at("f"), "");
    symlinkSync("f", at("s"));
    const fd = linux.openat(scratch.fd, "f", c.O_RDONLY);
    linux.utimensat(fd, null, 0n, 0n);
    const time = fc.bigInt({ min: -(2n ** 31n - 1n) * 1_000_000_000n, max: 15_000_000_000n * 1_000_000_000n });
    fc.assert(
      fc.property(time, time, fc.constantFrom("f", "s", null), (atimeNs, mtimeNs, path) => {
        if (path === null) linux.utimensat(fd, null, atimeNs, mtimeNs);
        else linux.utimensat(scratch.fd, path, atimeNs, mtimeNs);
        const stat = path === null ? linux.fstat(fd) : linux.fstatat(scratch.fd, path);
        expect([stat.atimeNs, stat.mtimeNs]).toEqual([atimeNs, mtimeNs]);
      }),
      {
        examples: [
          [-1n, -1_000_000_001n, "f"],
          [-999_999_999n, -1_000_000_000n, "s"],
          [0n, 1n, null],
        ],
        numRuns: 50,
      },
    );
    linux.closeFd(fd);
  });
});
