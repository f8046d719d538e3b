import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as c from "../../../driver/sys/constants.ts";
import * as linux from "../../../driver/sys/linux.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();
const read = (name: string): string => readFileSync(join(scratch.path, name), "utf8");

function openNew(name: string): number {
  return linux.openat(scratch.fd, name, c.O_RDWR | c.O_CREAT | c.O_EXCL, 0o600);
}

describe("writing", () => {
  it("writeAll goes on where it was, pwriteAll leaves the position alone", () => {
    const fd = openNew("f");
    linux.writeAll(fd, Buffer.from("abc"));
    linux.pwriteAll(fd, Buffer.from("XY"), 1);
    linux.writeAll(fd, Buffer.from("def").subarray(1));
    linux.writeAll(fd, new Uint8Array(0));
    linux.closeFd(fd);
    expect(read("f")).toBe("aXYef");
  });

  it("throws what the kernel says when it cannot", () => {
    writeFileSync(join(scratch.path, "f"), "");
    const fd = linux.openat(scratch.fd, "f", c.O_RDONLY);
    expect(
      codeOf(() => {
        linux.writeAll(fd, Buffer.from("x"));
      }),
    ).toBe("EBADF");
    linux.closeFd(fd);
    const full = linux.openat(linux.AT_FDCWD, "/dev/full", c.O_WRONLY);
    expect(
      codeOf(() => {
        linux.writeAll(full, Buffer.from("x"));
      }),
    ).toBe("ENOSPC");
    linux.closeFd(full);
  });
});

describe("holes", () => {
  it("lseek finds data and holes, and -1 behind the last data", () => {
    const fd = openNew("f");
    linux.pwriteAll(fd, Buffer.alloc(4096, 1), 1 << 20);
    linux.pwriteAll(fd, Buffer.alloc(4096, 1), 4 << 20);
    expect(linux.lseek(fd, 0, c.SEEK_DATA)).toBe(1 << 20);
    expect(linux.lseek(fd, 1 << 20, c.SEEK_HOLE)).toBe((1 << 20) + 4096);
    expect(linux.lseek(fd, 5 << 20, c.SEEK_DATA)).toBe(-1);
    linux.closeFd(fd);
  });

  it("fallocate allocates, and punches holes", () => {
    const fd = openNew("f");
    if (!linux.fallocate(fd, 0, 0, 1 << 20)) {
      linux.closeFd(fd);
      return;
    }
    expect(linux.fstat(fd)).toMatchObject({ size: 1 << 20 });
    expect(linux.fstat(fd).blocks * 512).toBeGreaterThanOrEqual(1 << 20);
    linux.fallocate(fd, c.FALLOC_FL_PUNCH_HOLE | c.FALLOC_FL_KEEP_SIZE, 0, 1 << 20);
    expect(linux.fstat(fd).blocks * 512).toBeLessThan(1 << 20);
    expect(codeOf(() => linux.fallocate(fd, 0, -1, 1))).toBe("EINVAL");
    linux.closeFd(fd);
  });
});

describe("copying", () => {
  it("copyFileRange copies between offsets and tells the end by 0", () => {
    const from = openNew("from");
    const to = openNew("to");
    linux.writeAll(from, Buffer.from("0123456789"));
    expect(linux.copyFileRange(from, 2, to, 1, 3)).toBe(3);
    expect(linux.copyFileRange(from, 10, to, 0, 3)).toBe(0);
    expect(codeOf(() => linux.copyFileRange(from, -1, to, 0, 3))).toBe("EOVERFLOW");
    linux.closeFd(from);
    linux.closeFd(to);
    expect(read("to")).toBe("\x00234");
  });

  it("ficlone either shares all of a file or says false", () => {
    const from = openNew("from");
    const to = openNew("to");
    linux.writeAll(from, Buffer.from("0123456789"));
    const isShared = linux.ficlone(to, from);
    expect(read("to")).toBe(isShared ? "0123456789" : "");
    expect(codeOf(() => linux.ficlone(-1, from))).toBe("EBADF");
    const device = linux.openat(linux.AT_FDCWD, "/dev/null", c.O_RDWR);
    expect(linux.ficlone(to, device)).toBe(false);
    for (const fd of [from, to, device]) linux.closeFd(fd);
  });
});

describe("the rest", () => {
  it("flockFd lets one in, or many that share, and closing lets the next in", () => {
    writeFileSync(join(scratch.path, "f"), "");
    const [a, b] = [linux.openat(scratch.fd, "f", c.O_RDONLY), linux.openat(scratch.fd, "f", c.O_RDONLY)];
    expect(linux.flockFd(a, "exclusive")).toBe(true);
    expect(linux.flockFd(b, "exclusive", { nonBlocking: true })).toBe(false);
    expect(linux.flockFd(b, "shared", { nonBlocking: true })).toBe(false);
    expect(linux.flockFd(a, "shared")).toBe(true);
    expect(linux.flockFd(b, "shared", { nonBlocking: true })).toBe(true);
    linux.closeFd(a);
    expect(linux.flockFd(b, "exclusive", { nonBlocking: true })).toBe(true);
    linux.closeFd(b);
  });

  it("syncfs takes a descriptor of any file, and throws EBADF for none", () => {
    linux.syncfs(scratch.fd);
    expect(
      codeOf(() => {
        linux.syncfs(-1);
      }),
    ).toBe("EBADF");
  });

  it("clockRealtimeNs is the time of day", () => {
    const before = Date.now();
    const now = linux.clockRealtimeNs();
    const after = Date.now();
    expect(now).toBeGreaterThanOrEqual(BigInt(before) * 1_000_000n);
    expect(now).toBeLessThan(BigInt(after + 1) * 1_000_000n);
  });
});
