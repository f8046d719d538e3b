import { describe, expect, it } from "vitest";
import { isMountPoint, mountsAt, parseMountinfo, readMountinfo } from "../../../driver/mount/mountinfo.ts";

function parse(text: string) {
  return parseMountinfo(Buffer.from(text));
}

describe("parseMountinfo", () => {
  it("reads the fields of a line with several optional ones", () => {
    const line = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n";
    expect(parse(line)).toEqual([
      {
        id: 36,
        parentId: 35,
        device: "98:0",
        root: "/mnt1",
        mountPoint: "/mnt2",
        options: ["rw", "noatime"],
        propagation: ["master:1", "shared:7"],
        type: "ext3",
        source: "/dev/root",
        superOptions: ["rw", "errors=continue"],
      },
    ]);
  });

  it("undoes the kernel's octal escapes and decodes names as UTF-8", () => {
    const [mount] = parse("1 2 0:3 / /a\\040b\\011c\\012d\\134e\\043f/é rw - tmpfs none rw");
    expect(mount?.mountPoint).toBe("/a b\tc\nd\\e#f/é");
  });

  it("reads lines without optional fields and leaves out lines it does not understand", () => {
    expect(parse("garbage\n\n1 2 0:3 / /x ro - proc proc rw\n1 2 0:3 / /y ro proc proc rw\n")).toMatchObject([
      { mountPoint: "/x", propagation: [], type: "proc" },
    ]);
  });

  it("does not take a '-' in a mount point for the separator", () => {
    expect(parse("1 2 0:3 / - rw - tmpfs none rw")).toMatchObject([{ mountPoint: "-", type: "tmpfs" }]);
  });
});

describe("mountsAt", () => {
  it("finds the mounts of this process", () => {
    expect(readMountinfo().map((mount) => mount.mountPoint)).toContain("/proc");
    expect(mountsAt("/proc").at(-1)?.type).toBe("proc");
    expect(isMountPoint("/proc")).toBe(true);
    expect(isMountPoint("/proc/self")).toBe(false);
  });

  it("is empty for a path that does not exist or leads through a file", () => {
    expect(mountsAt("/no/such/path")).toEqual([]);
    expect(mountsAt("/proc/version/x")).toEqual([]);
  });
});
