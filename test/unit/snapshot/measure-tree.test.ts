import { linkSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { measureTree } from "../../../driver/snapshot/measure-tree.ts";
import { removeTree } from "../../../driver/sys/remove-tree.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "measure-"));
});
afterEach(() => {
  removeTree(root);
});

describe("measureTree", () => {
  it("agrees with du on bytes and inodes, links counted once", () => {
    mkdirSync(join(root, "a/b"), { recursive: true });
    writeFileSync(join(root, "a/file"), "x".repeat(100_000));
    linkSync(join(root, "a/file"), join(root, "a/b/link"));
    symlinkSync("/", join(root, "a/root"));
    const du = (...flags: readonly string[]) =>
      Number.parseInt(spawnSync("du", ["-s", ...flags, root], { encoding: "utf8" }).stdout, 10);
    expect(measureTree(root)).toEqual({ inodes: du("--inodes"), sizeBytes: du("--block-size=1") });
    expect(measureTree(root).inodes).toBe(5);
  });

  it("measures deeper than descriptors and paths reach", () => {
    const script = `for (let n = 0; n < 3000; n++) { require("fs").mkdirSync("directory"); process.chdir("directory"); }`;
    spawnSync(process.execPath, ["-e", script], { cwd: root });
    expect(measureTree(root).inodes).toBe(3001);
  });

  it("takes names that are not UTF-8", () => {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0xff, 0xfe)]), "");
    expect(measureTree(root).inodes).toBe(2);
  });
});
