import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Usage } from "../../../driver/extract/staged-layer.ts";
import { allocatedBytes } from "../../../driver/extract/usage.ts";
import { tar, type EntrySpec } from "../../fixtures/tar-builder.ts";
import { extract } from "../../suites/layer-stack.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "usage-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function usageOf(entries: readonly EntrySpec[]): Usage {
  const dir = mkdtempSync(join(root, "fs-"));
  mkdirSync(dir, { recursive: true });
  return extract(dir, tar(entries)).usage;
}

const layer: readonly EntrySpec[] = [
  { path: "d/e/empty" },
  { path: "one", data: "x" },
  { path: "block", data: "x".repeat(4096) },
  { path: "more", data: "x".repeat(4097) },
  { path: "l", type: "hardlink", linkTarget: "more" },
  { path: "s", type: "symlink", linkTarget: "t" },
  { path: "p", type: "fifo" },
  { path: ".wh.gone" },
  { path: "lower", type: "hardlink", linkTarget: "not-here" },
];
/** The root, d, d/e, empty, one, block, more, s, p; three directories and 1 + 1 + 2 blocks. */
const expected = { inodes: 9, sizeBytes: 4096 * 7 };

describe("usage", () => {
  it("allocatedBytes counts whole blocks", () => {
    expect([0, 1, 4096, 4097].map(allocatedBytes)).toEqual([0, 4096, 4096, 8192]);
  });

  it("counts the root and directories, links once, content in blocks, and no whiteouts", () => {
    expect(usageOf([])).toEqual({ inodes: 1, sizeBytes: 4096 });
    expect(usageOf(layer)).toEqual(expected);
  });

  it("comes to the same after entries that others took the place of", () => {
    const before: readonly EntrySpec[] = [
      { path: "one", data: "x".repeat(10_000) },
      { path: "block/a/b", data: "x" },
      { path: "p", type: "symlink", linkTarget: "x" },
    ];
    expect(usageOf([...before, ...layer])).toEqual(expected);
    expect(usageOf([...layer, ...layer])).toEqual(expected);
  });

  it("counts a sparse file without its holes", () => {
    const extents = [{ offsetBytes: 40_960, data: "tail" }];
    expect(usageOf([{ path: "s", sparse: { version: "1.0", sizeBytes: 1_000_000, extents } }])).toEqual({
      inodes: 2,
      sizeBytes: 8192,
    });
  });
});
