import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settleLayer } from "../../../driver/extract/settle.ts";
import type { LowerLayer, VerifiedLayer } from "../../../driver/extract/staged-layer.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";
import { tar, type EntrySpec } from "../../fixtures/tar-builder.ts";
import { extract, settleTar, type SettledResult } from "../../suites/layer-stack.ts";
import { describeTree, readTree } from "../../suites/model-tree.ts";

let root: string;
let lowers: LowerLayer[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "settle-"));
  const dir = join(root, "lower");
  for (const path of ["d/a", "d/sub/x", "e/f", "usr/bin/tool", "top"]) {
    mkdirSync(join(dir, dirname(path)), { recursive: true });
    writeFileSync(join(dir, path), path);
  }
  symlinkSync("usr/bin", join(dir, "bin"));
  for (const path of ["d", "d/sub", "e", "usr/bin", "usr"]) utimesSync(join(dir, path), 1000, 1000);
  lowers = [{ dir, whiteouts: [], opaques: [] }];
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function settle(entries: readonly EntrySpec[]): SettledResult {
  return settleTar(join(root, "staging"), tar(entries), lowers);
}

function staged(): string[] {
  return (readdirSync(join(root, "staging/fs"), { recursive: true }) as string[]).sort();
}

describe("settleLayer", () => {
  it("asks for redirects and changes nothing yet", () => {
    const stagingDir = join(root, "first");
    mkdirSync(join(stagingDir, "fs"), { recursive: true });
    const extracted = extract(join(stagingDir, "fs"), tar([{ path: "bin/x" }, { path: "d/.wh.a" }, { path: "e/y" }]));
    const before = describeTree(readTree(stagingDir));
    const layer = { ...extracted, diffId: "x", stagingDir } as unknown as VerifiedLayer;
    expect(settleLayer(lowers, layer, detectPrivileges())).toEqual({
      redirects: [{ from: "bin", to: "usr/bin" }],
    });
    expect(describeTree(readTree(stagingDir))).toEqual(before);
  });

  it("keeps the whiteouts that hide something and makes their parents", () => {
    const { settled } = settle([
      { path: "d/.wh.a" },
      { path: "no/.wh.x" },
      { path: "d/sub/.wh.absent" },
      { path: "bin/.wh.tool" },
    ]);
    expect(settled.whiteouts).toEqual(["d/a", "usr/bin/tool"]);
    expect(settled.opaques).toEqual([]);
    expect(staged()).toEqual(["d", "usr", "usr/bin"]);
    expect(statSync(join(root, "staging/fs/d")).mtimeMs).toBe(1_000_000);
    expect(settled.usage).toEqual({ inodes: 4, sizeBytes: 4 * 4096 });
  });

  it("drops marks inside of what is hidden as a whole", () => {
    const { settled } = settle([
      { path: "d/.wh..wh..opq" },
      { path: "d/.wh.a" },
      { path: "d/sub/.wh..wh..opq" },
      { path: ".wh.e" },
      { path: "e/.wh.f" },
    ]);
    expect(settled.whiteouts).toEqual(["e"]);
    expect(settled.opaques).toEqual(["d"]);
    expect(staged()).toEqual(["d"]);
  });

  it("spells out a marker at the root, which overlay would not read", () => {
    const { settled } = settle([{ path: ".wh..wh..opq" }, { path: "d/new" }, { path: "top", data: "own" }]);
    expect(settled.whiteouts).toEqual(["bin", "e", "usr"]);
    expect(settled.opaques).toEqual(["d"]);
  });

  it("counts copies of lower files once, and the directories it makes", () => {
    const { settled } = settle([
      { path: "l", type: "hardlink", linkTarget: "top" },
      { path: "m", type: "hardlink", linkTarget: "top" },
      { path: "n", type: "hardlink", linkTarget: "d/a" },
    ]);
    expect(settled.usage).toEqual({ inodes: 3, sizeBytes: 3 * 4096 });
    expect(statSync(join(root, "staging/fs/l")).nlink).toBe(2);
    expect(readdirSync(join(root, "staging"))).toEqual(["fs"]);
  });

  it("settles on nothing", () => {
    lowers = [];
    const { settled } = settle([{ path: ".wh.x" }, { path: ".wh..wh..opq" }, { path: "f" }]);
    expect(settled).toMatchObject({ whiteouts: [], opaques: [] });
  });

  it("names both ends of a link that leads nowhere", () => {
    expect(() => settle([{ path: "l", type: "hardlink", linkTarget: "d/nothing" }])).toThrow(
      /cannot link "l" to "d\/nothing": neither this layer nor those below it have it/,
    );
  });
});
