import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as c from "../../driver/sys/constants.ts";
import { copyNode } from "../../driver/sys/copy-file.ts";
import { copyTree } from "../../driver/sys/copy-tree.ts";
import { hasFilesystem } from "../../driver/sys/kernel.ts";
import * as linux from "../../driver/sys/linux.ts";
import { detectPrivileges } from "../../driver/sys/privileges.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { listing } from "../unit/sys/listing.ts";
import { codeOf } from "../unit/sys/scratch.ts";

const root = needAll(needRoot(), needPrograms("setpriv"));
const options = { privileges: detectPrivileges() };

describe.skipIf(root.missing)("as root", () => {
  let dir: string;
  let fd: number;
  const mounted: string[] = [];
  const at = (name: string): string => join(dir, name);

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "laminate-sys-"));
    fd = linux.openat(linux.AT_FDCWD, dir, c.O_DIRECTORY);
  });
  afterEach(() => {
    for (const target of mounted.splice(0).reverse()) linux.umount2(target, c.MNT_DETACH);
    linux.closeFd(fd);
    removeTree(dir);
  });

  function mountTmpfs(name: string): string {
    mkdirSync(at(name), { recursive: true });
    linux.mount("tmpfs", at(name), "tmpfs", c.MS_NOSUID, "size=4m,mode=0701");
    mounted.push(at(name));
    return at(name);
  }

  describe("mount and umount2", () => {
    it("mount with options, bind, make read-only, and unmount", () => {
      const target = mountTmpfs("t");
      writeFileSync(join(target, "f"), "");
      expect(linux.fstatat(fd, "t").mode & 0o7777).toBe(0o701);
      mkdirSync(at("bound"));
      linux.mount(target, at("bound"), null, c.MS_BIND, null);
      mounted.push(at("bound"));
      linux.mount(null, at("bound"), null, c.MS_REMOUNT | c.MS_BIND | c.MS_RDONLY, null);
      expect(
        codeOf(() => {
          writeFileSync(at("bound/new"), "");
        }),
      ).toBe("EROFS");
      expect(
        codeOf(() => {
          linux.umount2(at("bound"), c.UMOUNT_NOFOLLOW);
        }),
      ).toBe("");
      mounted.pop();
      expect(existsSync(at("bound/f"))).toBe(false);
    });

    it("throw by errno", () => {
      expect(
        codeOf(() => {
          linux.mount("x", at("none"), "tmpfs", 0, null);
        }),
      ).toBe("ENOENT");
      expect(
        codeOf(() => {
          linux.mount("x", dir, "no-such-fs", 0, null);
        }),
      ).toBe("ENODEV");
      expect(
        codeOf(() => {
          linux.umount2(dir);
        }),
      ).toBe("EINVAL");
    });
  });

  describe.skipIf(!hasFilesystem("overlay"))("file system contexts", () => {
    it("mount an overlay from directories with colons and commas in their names", () => {
      for (const name of ["a:b", "c,d", "upper", "work", "merged"]) mkdirSync(at(name));
      writeFileSync(at("a:b/one"), "1");
      writeFileSync(at("c,d/two"), "2");
      const context = linux.fsopen("overlay");
      try {
        linux.fsconfigString(context, "lowerdir+", at("a:b"));
        linux.fsconfigString(context, "lowerdir+", at("c,d"));
        linux.fsconfigString(context, "upperdir", at("upper"));
        linux.fsconfigString(context, "workdir", at("work"));
        linux.fsconfigFlag(context, "ro");
        linux.fsconfigCreate(context);
        const mount = linux.fsmount(context, c.MOUNT_ATTR_NODEV);
        linux.moveMount(mount, at("merged"));
        linux.closeFd(mount);
        mounted.push(at("merged"));
      } finally {
        linux.closeFd(context);
      }
      expect([readFileSync(at("merged/one"), "utf8"), readFileSync(at("merged/two"), "utf8")]).toEqual(["1", "2"]);
      expect(
        codeOf(() => {
          writeFileSync(at("merged/new"), "");
        }),
      ).toBe("EROFS");
    });

    it("take a path of any length as a descriptor's name", () => {
      const long = `${at("long")}/${Array(20).fill("component").join("/")}`;
      for (const path of [long, at("other"), at("merged")]) mkdirSync(path, { recursive: true });
      writeFileSync(join(long, "f"), "deep");
      const layer = linux.openat(linux.AT_FDCWD, long, c.O_PATH | c.O_DIRECTORY);
      const context = linux.fsopen("overlay");
      expect(long.length).toBeGreaterThan(200);
      linux.fsconfigString(context, "lowerdir+", `/proc/self/fd/${layer}`);
      linux.fsconfigString(context, "lowerdir+", at("other"));
      linux.fsconfigCreate(context);
      const mount = linux.fsmount(context);
      linux.moveMount(mount, at("merged"));
      mounted.push(at("merged"));
      for (const open of [layer, context, mount]) linux.closeFd(open);
      expect(readFileSync(at("merged/f"), "utf8")).toBe("deep");
    });

    it("say why when they fail, with the kernel's own words", () => {
      const context = linux.fsopen("overlay");
      try {
        expect(() => {
          linux.fsconfigString(context, "no-such-option", "x");
        }).toThrow(/^EINVAL: .*fsconfig 'no-such-option': overlay: Unknown parameter 'no-such-option'$/);
        expect(
          codeOf(() => {
            linux.fsconfigString(context, "lowerdir+", at("none"));
          }),
        ).toBe("ENOENT");
      } finally {
        linux.closeFd(context);
      }
      expect(codeOf(() => linux.fsopen("no-such-fs"))).toBe("ENODEV");
    });

    it("openTree clones a mount that moveMount puts in place", () => {
      mkdirSync(at("from"));
      mkdirSync(at("to"));
      writeFileSync(at("from/f"), "x");
      const tree = linux.openTree(linux.AT_FDCWD, at("from"), c.OPEN_TREE_CLONE);
      linux.moveMount(tree, "to", fd);
      linux.closeFd(tree);
      mounted.push(at("to"));
      expect(readFileSync(at("to/f"), "utf8")).toBe("x");
    });
  });

  describe("removeTree and copyTree", () => {
    it("refuse a mount in the tree and leave what is in it", () => {
      const target = mountTmpfs("t/a/mounted");
      writeFileSync(join(target, "f"), "kept");
      for (const path of ["t", "t/a/mounted"]) {
        expect(() => {
          removeTree(at(path));
        }).toThrow(/^cannot remove from .*is a mount point: unmount it first$/);
        expect(
          codeOf(() => {
            removeTree(at(path));
          }),
        ).toBe("ERR_FAILED_PRECONDITION");
      }
      expect(() => {
        copyTree(at("t"), at("copy"), options);
      }).toThrow(/^cannot copy .*: "a\/mounted": it holds a mount point: unmount it first$/);
      expect(readFileSync(join(target, "f"), "utf8")).toBe("kept");
      copyTree(target, at("copy-of-mount"), options);
      expect(readFileSync(at("copy-of-mount/f"), "utf8")).toBe("kept");
    });

    it("copy owners, devices, capabilities and attributes of administrators", () => {
      mkdirSync(at("src/d"), { recursive: true });
      writeFileSync(at("src/d/ping"), "x");
      linux.mknodat(fd, "src/null", c.S_IFCHR | 0o666, 1, 3);
      linux.mknodat(fd, "src/disk", c.S_IFBLK | 0o660, 4095, 1048575);
      linux.symlinkat("x", fd, "src/link");
      const owned = ["src/d/ping", "src/d", "src/null", "src/disk", "src/link"];
      owned.forEach((path, index) => {
        linux.fchownat(fd, path, 100_000 + index, 2 ** 32 - 2);
      });
      linux.fchmodat(fd, "src/d/ping", 0o6755);
      const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
      linux.setxattrat(fd, "src/d/ping", "security.capability", capability);
      for (const path of ["src/d", "src/link", "src/null"]) {
        linux.setxattrat(fd, path, "trusted.test", Buffer.from([0, 255]));
        linux.setxattrat(fd, path, "trusted.overlay.opaque", Buffer.from("y"));
      }
      const expected = listing(at("src")).map((line) => line.replace(',"trusted.overlay.opaque=y"', ""));
      copyTree(at("src"), at("dest"), options);
      expect(listing(at("dest"))).toEqual(expected);
      expect(linux.getxattrat(fd, "dest/d/ping", "security.capability")).toEqual(capability);
      expect(linux.fstatat(fd, "dest/disk")).toMatchObject({ rdevMajor: 4095, rdevMinor: 1048575, uid: 100_003 });
    });

    it("copy across file systems, holes too", () => {
      const target = mountTmpfs("t");
      const file = linux.openat(fd, "sparse", c.O_CREAT | c.O_WRONLY, 0o600);
      linux.pwriteAll(file, Buffer.alloc(4096, "d"), 512 << 20);
      linux.closeFd(file);
      const to = linux.openat(linux.AT_FDCWD, target, c.O_DIRECTORY);
      copyNode(fd, "sparse", to, "sparse", options);
      const stat = linux.fstatat(to, "sparse");
      linux.closeFd(to);
      expect(stat.size).toBe((512 << 20) + 4096);
      expect(stat.blocks * 512).toBeLessThan(1 << 20);
    });

    it("leave out devices when they may not be made, but not whiteouts", () => {
      mkdirSync(at("src"));
      linux.mknodat(fd, "src/null", c.S_IFCHR | 0o666, 1, 3);
      linux.mknodat(fd, "src/gone", c.S_IFCHR, 0, 0);
      const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
      execFileSync("chmod", ["-R", "a+rwX", dir]);
      const script = `const { copyTree } = await import(${JSON.stringify(join(import.meta.dirname, "../../driver/sys/copy-tree.ts"))});
        const { detectPrivileges } = await import(${JSON.stringify(join(import.meta.dirname, "../../driver/sys/privileges.ts"))});
        copyTree(process.argv[1], process.argv[2], { privileges: detectPrivileges() });`;
      const words = [...asNobody, process.execPath, "--input-type=module", "-e", script];
      execFileSync("setpriv", [...words, at("src"), at("dest")]);
      expect(linux.tryFstatat(fd, "dest/null")).toBeUndefined();
      expect(linux.tryFstatat(fd, "dest/gone")?.rdevMajor).toBe(0);
    });
  });

  describe.skipIf(needAll(root, needPrograms("mkfs.btrfs")).missing)("on btrfs", () => {
    it("ficlone and copyTree share the blocks of files", () => {
      writeFileSync(at("image"), "");
      truncateSync(at("image"), 256 << 20);
      execFileSync("mkfs.btrfs", ["-q", at("image")]);
      mkdirSync(at("btrfs"));
      execFileSync("mount", ["-o", "loop", at("image"), at("btrfs")]);
      mounted.push(at("btrfs"));
      mkdirSync(at("btrfs/src"));
      writeFileSync(at("btrfs/src/f"), Buffer.alloc(128 << 20, "shared"));
      // 128 MiB do not fit twice.
      copyTree(at("btrfs/src"), at("btrfs/dest"), options);
      copyTree(at("btrfs/src"), at("btrfs/more"), options);
      expect(listing(at("btrfs/more"))).toEqual(listing(at("btrfs/src")));
      const from = linux.openat(fd, "btrfs/src/f", c.O_RDONLY);
      const to = linux.openat(fd, "btrfs/cloned", c.O_RDWR | c.O_CREAT, 0o600);
      expect(linux.ficlone(to, from)).toBe(true);
      linux.closeFd(from);
      linux.closeFd(to);
    });
  });
});
