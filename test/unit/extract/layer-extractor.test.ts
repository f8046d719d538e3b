import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LayerExtractor } from "../../../driver/extract/layer-extractor.ts";
import { settleLayer } from "../../../driver/extract/settle.ts";
import type { Redirect, VerifiedLayer } from "../../../driver/extract/staged-layer.ts";
import { detectPrivileges, type Privileges } from "../../../driver/sys/privileges.ts";
import { tar, type EntrySpec } from "../../fixtures/tar-builder.ts";
import { readEntries } from "../../suites/layer-model.ts";
import { extract, type Extracted, settleTar } from "../../suites/layer-stack.ts";
import { describeTree, readTree } from "../../suites/model-tree.ts";

let root: string;
let fs: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "extract-"));
  fs = join(root, "fs");
  mkdirSync(fs, { mode: 0o700 });
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const unprivileged: Privileges = { ...detectPrivileges(), canChown: false, canMknod: false };

function lay(entries: readonly EntrySpec[], options: Parameters<typeof extract>[2] = {}): Extracted {
  return extract(fs, tar(entries), options);
}

describe("LayerExtractor", () => {
  it("lays the same whatever pieces the tar comes in", () => {
    const entries: EntrySpec[] = [
      { path: "d/f", data: "content".repeat(500) },
      {
        path: "s",
        sparse: {
          version: "0.1",
          sizeBytes: 9000,
          extents: [
            { offsetBytes: 1, data: "ab" },
            { offsetBytes: 5000, data: "c".repeat(700) },
          ],
        },
      },
      { path: "l", type: "hardlink", linkTarget: "d/f" },
    ];
    const trees = [1, 7, 512, 100_000].map((pieceBytes) => {
      const dir = mkdtempSync(join(root, "pieces-"));
      extract(dir, tar(entries), { pieceBytes });
      return describeTree(readTree(dir));
    });
    for (const tree of trees) expect(tree).toEqual(trees[0]);
    expect(
      readFileSync(join(root, readdirSync(root).find((name) => name.startsWith("pieces")) ?? "", "s")).subarray(0, 4),
    ).toEqual(Buffer.from("\0ab\0"));
  });

  it("notes what it cannot settle alone", () => {
    const { notes } = lay([
      { path: "d/.wh.gone" },
      { path: "o/.wh..wh..opq" },
      { path: "a/b/f", mtimeNs: 5n },
      { path: "a", type: "directory" },
      { path: "r" },
      { path: "r/in" },
      { path: "l", type: "hardlink", linkTarget: "x/y" },
    ]);
    expect(notes).toEqual({
      whiteouts: ["d/gone"],
      opaques: ["o"],
      replaced: ["r"],
      implied: [
        { path: "", lasts: true },
        { path: "a", lasts: false },
        { path: "a/b", lasts: true },
        { path: "x", lasts: false },
      ],
      lowerLinks: [{ path: "l", target: "x/y" }],
    });
    expect(readdirSync(fs).sort()).toEqual(["a", "l", "r"]);
  });

  it("goes where redirects say as long as it has nothing there itself", () => {
    const redirects = [{ from: "bin", to: "usr/bin" }] as unknown as Redirect[];
    const { notes } = lay(
      [
        { path: "bin/a" },
        { path: "l", type: "hardlink", linkTarget: "bin/a" },
        { path: "bin", type: "directory" },
        { path: "bin/b" },
        { path: "bin/.wh.c" },
      ],
      { redirects },
    );
    expect((readdirSync(fs, { recursive: true }) as string[]).sort()).toEqual([
      "bin",
      "bin/b",
      "l",
      "usr",
      "usr/bin",
      "usr/bin/a",
    ]);
    expect(notes.whiteouts).toEqual(["bin/c"]);
    expect(notes.lowerLinks).toEqual([]);
  });

  it("records a failure that redirects could change, and goes on", () => {
    const { notes } = lay([
      { path: "s", type: "symlink", linkTarget: "s" },
      { path: "s/x" },
      { path: "l", type: "hardlink", linkTarget: "l" },
      { path: "after" },
    ]);
    expect(notes.failure).toBe('cannot extract "s/x": too many symlinks at "s"');
    expect(existsSync(join(fs, "after"))).toBe(true);
    const layer = {
      diffId: "x",
      stagingDir: root,
      notes,
      usage: { inodes: 0, sizeBytes: 0 },
    } as unknown as VerifiedLayer;
    expect(() => settleLayer([], layer, detectPrivileges())).toThrow(/too many symlinks/);
  });

  it("leaves out owners and devices it may not make, says so once, and still hides what was there", () => {
    const lower = join(root, "lower");
    mkdirSync(join(lower, "dev/null"), { recursive: true });
    const entries: EntrySpec[] = [
      { path: "f", uid: 5, mode: 0o4711 },
      { path: "d", type: "directory", uid: 6 },
      { path: "dev/null", type: "char-device", devMajor: 1, devMinor: 3 },
      { path: "dev/sda", type: "block-device", devMajor: 8, devMinor: 0 },
    ];
    const { settled, warnings } = settleTar(
      join(root, "staging"),
      tar(entries),
      [{ dir: lower, whiteouts: [], opaques: [] }],
      unprivileged,
    );
    expect(warnings).toEqual([
      expect.stringMatching(/^owners are not kept: this user has one id here/) as string,
      "devices are left out: this process may not make them",
    ]);
    expect(settled.whiteouts).toEqual(["dev/null"]);
    const { mode, uid } = statSync(join(root, "staging/fs/f"));
    expect([mode & 0o7777, uid]).toEqual([0o4711, process.geteuid?.()]);
  });

  it("gives up no more warnings than a person reads", () => {
    const xattrs = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`trusted.x${index}`, "v"]));
    const { warnings } = lay([{ path: "f", xattrs }]);
    expect(warnings).toHaveLength(101);
    expect(warnings.at(-1)).toBe("and 50 more warnings");
  });

  it("closes a file that was being written, any number of times", () => {
    const descriptors = readdirSync("/proc/self/fd").length;
    const extractor = new LayerExtractor(fs, { privileges: detectPrivileges() });
    for (const { entry } of readEntries(tar([{ path: "a/b", data: "x" }]))) extractor.entry(entry);
    extractor.data(Buffer.from("x"));
    extractor.close();
    extractor.close();
    expect(readdirSync("/proc/self/fd").length).toBe(descriptors);
  });

  it("names the entry and the reason in its errors", () => {
    expect(() => lay([{ path: "d/n", type: "char-device" }])).toThrow(
      'cannot extract "d/n": a character device 0:0 would be a whiteout to overlay',
    );
    expect(() => lay([{ path: "f", xattrs: { [`user.${"x".repeat(300)}`]: "v" } }])).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }) as Error,
    );
    expect(() => new LayerExtractor(join(root, "absent"), { privileges: detectPrivileges() })).toThrow(/ENOENT/);
  });
});
