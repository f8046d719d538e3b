import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bytesOf } from "../../../driver/base/path-bytes.ts";
import * as linux from "../../../driver/sys/linux.ts";
import { removeTree } from "../../../driver/sys/remove-tree.ts";
import { makeDeep, openDescriptors } from "./deep-tree.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();
const at = (name: string): string => join(scratch.path, name);

describe("removeTree", () => {
  it("removes a tree with files, symlinks, fifos and names of any bytes", () => {
    mkdirSync(at("t/a/b"), { recursive: true });
    mkdirSync(Buffer.concat([Buffer.from(at("t/")), bytesOf("\xff\xfe")]));
    writeFileSync(Buffer.concat([Buffer.from(at("t/")), bytesOf("\xff\xfe/\x80")]), "");
    for (const name of ["t/f", "t/a/f", "t/a/b/f"]) writeFileSync(at(name), "");
    linux.mknodat(scratch.fd, "t/fifo", 0o010600);
    symlinkSync("nowhere", at("t/a/dangling"));
    const before = openDescriptors();
    removeTree(at("t"));
    expect(readdirSync(scratch.path)).toEqual([]);
    expect(openDescriptors()).toBe(before);
  });

  it("takes bytes, a relative path and trailing slashes", () => {
    const name = Buffer.concat([Buffer.from(at("")), Buffer.from([0x2f, 0xfe])]);
    mkdirSync(name);
    removeTree(Buffer.concat([name, Buffer.from("//")]));
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it("is content when there is nothing, and removes what is no directory", () => {
    removeTree(at("none"));
    removeTree(at("none/below"));
    writeFileSync(at("f"), "");
    removeTree(at("f/below"));
    removeTree(at("f"));
    expect(existsSync(at("f"))).toBe(false);
  });

  it("removes symlinks and never what they lead to", () => {
    mkdirSync(at("kept"));
    writeFileSync(at("kept/f"), "x");
    mkdirSync(at("t"));
    symlinkSync(at("kept"), at("t/absolute"));
    symlinkSync("../kept", at("t/relative"));
    symlinkSync("kept", at("root"));
    removeTree(at("t"));
    removeTree(at("root"));
    expect(readdirSync(scratch.path)).toEqual(["kept"]);
    expect(readFileSync(at("kept/f"), "utf8")).toBe("x");
  });

  it("refuses a path that does not end in a name", () => {
    for (const path of ["/", "", ".", at("x/.."), at(".")]) {
      if (path === at(".")) continue;
      expect(
        codeOf(() => {
          removeTree(path);
        }),
      ).toBe("ERR_INVALID_ARGUMENT");
    }
  });

  it("removes ten thousand levels with few descriptors", () => {
    mkdirSync(at("t"));
    const root = linux.openat(scratch.fd, "t", 0o200000);
    makeDeep(root, "d", 10_000, (fd) => {
      linux.mkdirat(fd, "e", 0o755);
    });
    linux.closeFd(root);
    const before = openDescriptors();
    removeTree(at("t"));
    expect(existsSync(at("t"))).toBe(false);
    expect(openDescriptors()).toBe(before);
  });
});
