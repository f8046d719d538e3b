import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { O_RDONLY, S_IFCHR, S_IFIFO, S_IFSOCK } from "../../../driver/sys/constants.ts";
import * as linux from "../../../driver/sys/linux.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();

describe("readdir", () => {
  it("names every type", () => {
    writeFileSync(join(scratch.path, "file"), "");
    mkdirSync(join(scratch.path, "dir"));
    symlinkSync("x", join(scratch.path, "link"));
    linux.mknodat(scratch.fd, "fifo", S_IFIFO | 0o600);
    linux.mknodat(scratch.fd, "socket", S_IFSOCK | 0o600);
    linux.mknodat(scratch.fd, "whiteout", S_IFCHR | 0o600, 0, 0);
    expect(Object.fromEntries(linux.readdir(scratch.fd).map(({ name, type }) => [name, type]))).toEqual({
      file: "file",
      dir: "directory",
      link: "symlink",
      fifo: "fifo",
      socket: "socket",
      whiteout: "char-device",
    });
  });

  it("begins anew each time, and reads more than one buffer holds", () => {
    const names = Array.from({ length: 3000 }, (_, i) => `${"n".repeat(40)}${i}`);
    for (const name of names) linux.closeFd(linux.openat(scratch.fd, name, 0o100, 0o600));
    for (let round = 0; round < 2; round++) {
      expect(
        linux
          .readdir(scratch.fd)
          .map(({ name }) => name)
          .sort(),
      ).toEqual([...names].sort());
    }
  });

  it("keeps names' bytes, up to the longest", () => {
    const longest = Buffer.alloc(255, 0xe9);
    for (const name of [longest, Buffer.from([0x0a]), Buffer.from("...")]) {
      linux.closeFd(linux.openat(scratch.fd, name, 0o100, 0o600));
    }
    expect(
      linux
        .readdir(scratch.fd)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["\n", "...", "\xe9".repeat(255)]);
  });

  it("throws ENOTDIR when the descriptor is of a file", () => {
    writeFileSync(join(scratch.path, "f"), "");
    const fd = linux.openat(scratch.fd, "f", O_RDONLY);
    expect(codeOf(() => linux.readdir(fd))).toBe("ENOTDIR");
    linux.closeFd(fd);
  });
});
