import { lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as c from "../../../driver/sys/constants.ts";
import * as linux from "../../../driver/sys/linux.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();

describe("openat", () => {
  it("makes a file that is closed on exec when it is told to create", () => {
    const fd = linux.openat(scratch.fd, "f", c.O_WRONLY | c.O_CREAT | c.O_EXCL, 0o600);
    try {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? "0";
      expect(parseInt(flags, 8) & c.O_CLOEXEC).toBe(c.O_CLOEXEC);
      expect(lstatSync(join(scratch.path, "f")).isFile()).toBe(true);
    } finally {
      linux.closeFd(fd);
    }
  });

  it("throws an error of node:fs's shape when there is no such file", () => {
    let thrown: unknown;
    try {
      linux.openat(scratch.fd, "none", c.O_RDONLY);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Error);
    expect(thrown).toMatchObject({
      code: "ENOENT",
      errno: -2,
      syscall: "openat",
      path: "none",
      message: "ENOENT: no such file or directory, openat 'none'",
    });
  });

  it("throws EEXIST when O_EXCL meets a file, ELOOP when O_NOFOLLOW meets a symlink", () => {
    symlinkSync("f", join(scratch.path, "link"));
    expect(codeOf(() => linux.openat(scratch.fd, "link", c.O_CREAT | c.O_EXCL | c.O_WRONLY, 0o600))).toBe("EEXIST");
    expect(codeOf(() => linux.openat(scratch.fd, "link", c.O_RDONLY | c.O_NOFOLLOW))).toBe("ELOOP");
  });

  it("takes names as bytes when they are no UTF-8", () => {
    const name = Buffer.from([0xff, 0x80, 0x41]);
    linux.closeFd(linux.openat(scratch.fd, name, c.O_CREAT | c.O_WRONLY, 0o600));
    expect(linux.readdir(scratch.fd)).toEqual([{ name: "\xff\x80A", type: "file" }]);
  });

  it("refuses a path with a NUL or one that is too long, and cuts neither", () => {
    writeFileSync(join(scratch.path, "a"), "");
    const long = "./".repeat(2047);
    expect(codeOf(() => linux.openat(scratch.fd, "a\0b", c.O_RDONLY))).toBe("EINVAL");
    expect(codeOf(() => linux.openat(scratch.fd, Buffer.from("a\0"), c.O_RDONLY))).toBe("EINVAL");
    expect(codeOf(() => linux.openat(scratch.fd, `${long}aa`, c.O_RDONLY))).toBe("ENAMETOOLONG");
    expect(codeOf(() => linux.openat(scratch.fd, Buffer.from(`${long}aa`), c.O_RDONLY))).toBe("ENAMETOOLONG");
    expect(codeOf(() => linux.openat(scratch.fd, `${long.slice(4)}é🦊aaaa`, c.O_RDONLY))).toBe("ENAMETOOLONG");
    linux.closeFd(linux.openat(scratch.fd, `${long}a`, c.O_RDONLY));
    linux.closeFd(linux.openat(scratch.fd, Buffer.from(`${long}a`), c.O_RDONLY));
  });
});

describe("openat2", () => {
  const open = (path: string, resolve: number): string =>
    codeOf(() => {
      linux.closeFd(linux.openat2(scratch.fd, path, { flags: c.O_RDONLY, resolve }));
    });

  it("stays in the root when RESOLVE_IN_ROOT meets absolute and climbing symlinks", () => {
    mkdirSync(join(scratch.path, "etc"));
    writeFileSync(join(scratch.path, "etc/passwd"), "inside");
    symlinkSync("/etc", join(scratch.path, "absolute"));
    symlinkSync("../../../../etc", join(scratch.path, "climbing"));
    for (const path of ["absolute/passwd", "climbing/passwd", "../../etc/passwd"]) {
      const fd = linux.openat2(scratch.fd, path, { flags: c.O_RDONLY, resolve: c.RESOLVE_IN_ROOT });
      expect(readFileSync(fd, "utf8")).toBe("inside");
      linux.closeFd(fd);
    }
  });

  it("throws EXDEV when RESOLVE_BENEATH meets a way out", () => {
    symlinkSync("/", join(scratch.path, "absolute"));
    expect(open("..", c.RESOLVE_BENEATH)).toBe("EXDEV");
    expect(open("absolute", c.RESOLVE_BENEATH)).toBe("EXDEV");
    expect(open(".", c.RESOLVE_BENEATH)).toBe("");
  });

  it("throws ELOOP when RESOLVE_NO_SYMLINKS meets one, or RESOLVE_NO_MAGICLINKS a magic one", () => {
    mkdirSync(join(scratch.path, "dir"));
    symlinkSync("dir", join(scratch.path, "link"));
    expect(open("link", c.RESOLVE_NO_SYMLINKS)).toBe("ELOOP");
    expect(open("link/.", c.RESOLVE_NO_SYMLINKS)).toBe("ELOOP");
    expect(open("link", c.RESOLVE_NO_MAGICLINKS)).toBe("");
    expect(open("/proc/self/cwd", c.RESOLVE_NO_MAGICLINKS)).toBe("ELOOP");
  });

  it("throws EXDEV when RESOLVE_NO_XDEV meets a mount", () => {
    expect(open("/proc", c.RESOLVE_NO_XDEV)).toBe("EXDEV");
  });

  it("throws EINVAL when a flag is unknown", () => {
    expect(open(".", 0x10000)).toBe("EINVAL");
  });
});

describe("names in directories", () => {
  it("mkdirat makes a directory and throws EEXIST when there is something", () => {
    linux.mkdirat(scratch.fd, "d", 0o700);
    expect(lstatSync(join(scratch.path, "d")).mode & 0o7777).toBe(0o700);
    expect(
      codeOf(() => {
        linux.mkdirat(scratch.fd, "d", 0o700);
      }),
    ).toBe("EEXIST");
  });

  it("mknodat makes fifos and sockets, and refuses numbers that no device has", () => {
    linux.mknodat(scratch.fd, "fifo", c.S_IFIFO | 0o600);
    linux.mknodat(scratch.fd, "socket", c.S_IFSOCK | 0o600);
    expect(lstatSync(join(scratch.path, "fifo")).isFIFO()).toBe(true);
    expect(lstatSync(join(scratch.path, "socket")).isSocket()).toBe(true);
    for (const [major, minor] of [
      [0x1000, 0],
      [0, 0x100000],
      [-1, 0],
      [0, 2 ** 40],
      [1.5, 0],
    ] as const) {
      expect(
        codeOf(() => {
          linux.mknodat(scratch.fd, "no", c.S_IFCHR | 0o600, major, minor);
        }),
      ).toBe("EINVAL");
    }
  });

  it("mknodat makes an overlay whiteout without any privilege", () => {
    linux.mknodat(scratch.fd, "gone", c.S_IFCHR, 0, 0);
    const stat = linux.fstatat(scratch.fd, "gone");
    expect([c.S_ISCHR(stat.mode), stat.rdevMajor, stat.rdevMinor]).toEqual([true, 0, 0]);
  });

  it("linkat links a symlink itself when it is not told to follow", () => {
    writeFileSync(join(scratch.path, "f"), "");
    symlinkSync("f", join(scratch.path, "s"));
    linux.linkat(scratch.fd, "s", scratch.fd, "s2");
    linux.linkat(scratch.fd, "s", scratch.fd, "f2", c.AT_SYMLINK_FOLLOW);
    expect(readlinkSync(join(scratch.path, "s2"))).toBe("f");
    expect(linux.fstatat(scratch.fd, "f2").devIno).toBe(linux.fstatat(scratch.fd, "f").devIno);
  });

  it("symlinkat and readlinkat keep a target's bytes, whatever they are", () => {
    const target = Buffer.concat([Buffer.from([0xfe, 0x0a, 0x27]), Buffer.alloc(4000, "x")]);
    linux.symlinkat(target, scratch.fd, "s");
    expect(linux.readlinkat(scratch.fd, "s")).toEqual(target);
    expect(codeOf(() => linux.readlinkat(scratch.fd, "."))).toBe("EINVAL");
  });

  it("renameat2 keeps what is there with RENAME_NOREPLACE and swaps with RENAME_EXCHANGE", () => {
    writeFileSync(join(scratch.path, "a"), "a");
    writeFileSync(join(scratch.path, "b"), "b");
    const rename = (flags: number): void => {
      linux.renameat2(scratch.fd, "a", scratch.fd, "b", flags);
    };
    expect(
      codeOf(() => {
        rename(c.RENAME_NOREPLACE);
      }),
    ).toBe("EEXIST");
    rename(c.RENAME_EXCHANGE);
    expect(readFileSync(join(scratch.path, "a"), "utf8")).toBe("b");
    rename(0);
    expect(linux.readdir(scratch.fd).map(({ name }) => name)).toEqual(["b"]);
    expect(readFileSync(join(scratch.path, "b"), "utf8")).toBe("b");
  });

  it("unlinkat removes files, and directories with AT_REMOVEDIR", () => {
    writeFileSync(join(scratch.path, "f"), "");
    mkdirSync(join(scratch.path, "d"));
    linux.unlinkat(scratch.fd, "f");
    expect(
      codeOf(() => {
        linux.unlinkat(scratch.fd, "d");
      }),
    ).toBe("EISDIR");
    linux.unlinkat(scratch.fd, "d", c.AT_REMOVEDIR);
    expect(
      codeOf(() => {
        linux.unlinkat(scratch.fd, "f");
      }),
    ).toBe("ENOENT");
    expect(linux.readdir(scratch.fd)).toEqual([]);
  });
});

describe("closeFd", () => {
  it("throws EBADF when the descriptor is closed already", () => {
    expect(
      codeOf(() => {
        linux.closeFd(-1);
      }),
    ).toBe("EBADF");
    expect(
      codeOf(() => {
        linux.closeFd(2 ** 32);
      }),
    ).toBe("EINVAL");
  });
});
