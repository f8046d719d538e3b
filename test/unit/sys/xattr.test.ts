import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { O_RDONLY, XATTR_CREATE, XATTR_REPLACE } from "../../../driver/sys/constants.ts";
import * as linux from "../../../driver/sys/linux.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();
beforeEach(() => {
  writeFileSync(join(scratch.path, "f"), "");
});

function withFile<T>(action: (fd: number) => T): T {
  const fd = linux.openat(scratch.fd, "f", O_RDONLY);
  try {
    return action(fd);
  } finally {
    linux.closeFd(fd);
  }
}

describe("attributes of an open file", () => {
  it("keep any bytes: NUL, newline, none at all, and as many as the file system takes", () => {
    withFile((fd) => {
      for (const value of [Buffer.from([0, 10, 0xff, 0]), Buffer.alloc(0), Buffer.alloc(3000, 7)]) {
        linux.fsetxattr(fd, "user.test", value);
        expect(linux.fgetxattr(fd, "user.test")).toEqual(value);
      }
    });
  });

  it("are listed by name, also by a name that is not ASCII, and can be removed", () => {
    withFile((fd) => {
      expect(linux.flistxattr(fd)).toEqual([]);
      linux.fsetxattr(fd, "user.a=b", Buffer.from("1"));
      linux.fsetxattr(fd, "user.\xff\xe4", Buffer.from("2"));
      expect(linux.flistxattr(fd).sort()).toEqual(["user.a=b", "user.\xff\xe4"]);
      expect(linux.fgetxattr(fd, "user.\xff\xe4")?.toString()).toBe("2");
      linux.fremovexattr(fd, "user.a=b");
      linux.fremovexattr(fd, "user.\xff\xe4");
      expect(linux.flistxattr(fd)).toEqual([]);
    });
  });

  it("are undefined when absent, and removing them then throws ENODATA", () => {
    withFile((fd) => {
      expect(linux.fgetxattr(fd, "user.none")).toBeUndefined();
      expect(
        codeOf(() => {
          linux.fremovexattr(fd, "user.none");
        }),
      ).toBe("ENODATA");
      expect(
        codeOf(() => {
          linux.fsetxattr(fd, "user.none", Buffer.from(""), XATTR_REPLACE);
        }),
      ).toBe("ENODATA");
      linux.fsetxattr(fd, "user.one", Buffer.from(""), XATTR_CREATE);
      expect(
        codeOf(() => {
          linux.fsetxattr(fd, "user.one", Buffer.from(""), XATTR_CREATE);
        }),
      ).toBe("EEXIST");
    });
  });

  it("are none on a file system without them", () => {
    const fd = linux.openat(linux.AT_FDCWD, "/proc/self/status", O_RDONLY);
    expect([linux.flistxattr(fd), linux.fgetxattr(fd, "user.x")]).toEqual([[], undefined]);
    linux.closeFd(fd);
  });
});

describe("attributes of a name in a directory", () => {
  it("are those of the file, for names of any bytes", () => {
    const name = Buffer.from([0xfd, 0x20, 0x27]);
    mkdirSync(Buffer.concat([Buffer.from(`${scratch.path}/`), name]));
    const value = Buffer.from([0, 1]);
    linux.setxattrat(scratch.fd, name, "user.k", value);
    expect(linux.getxattrat(scratch.fd, name, "user.k")).toEqual(value);
    expect(linux.listxattrat(scratch.fd, name)).toEqual(["user.k"]);
    linux.removexattrat(scratch.fd, name, "user.k");
    expect(linux.getxattrat(scratch.fd, name, "user.k")).toBeUndefined();
  });

  it("do not follow a symlink, which can have none of user.*", () => {
    symlinkSync("f", join(scratch.path, "s"));
    linux.setxattrat(scratch.fd, "f", "user.k", Buffer.from("v"));
    expect(linux.listxattrat(scratch.fd, "s")).toEqual([]);
    expect(
      codeOf(() => {
        linux.setxattrat(scratch.fd, "s", "user.k", Buffer.from("v"));
      }),
    ).toBe("EPERM");
  });

  it("throw ENOENT when there is no such name, and EINVAL when it is empty", () => {
    expect(codeOf(() => linux.getxattrat(scratch.fd, "none", "user.k"))).toBe("ENOENT");
    expect(codeOf(() => linux.getxattrat(scratch.fd, "", "user.k"))).toBe("EINVAL");
  });
});
