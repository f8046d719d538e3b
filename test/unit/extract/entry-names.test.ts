import { describe, expect, it } from "vitest";
import type { RelPath } from "../../../driver/base/path-bytes.ts";
import { isAufsLinkTarget, meaningOf } from "../../../driver/extract/entry-names.ts";
import type { EntryType, TarEntry } from "../../../driver/tar/entry.ts";

function entry(path: string, type: EntryType = "file"): TarEntry {
  return {
    type,
    path: path as RelPath,
    linkTarget: "",
    mode: 0,
    uid: 0,
    gid: 0,
    mtimeNs: 0n,
    sizeBytes: 0,
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
    sparse: undefined,
  };
}

describe("meaningOf", () => {
  it.each([
    ["", "content"],
    ["a", "content"],
    ["a.wh.b", "content"],
    [".wh", "content"],
    [".wh.etc/x", "content"],
    [".wh..wh.plnk", "metadata"],
    [".wh..wh.plnk/12.34", "metadata"],
    [".wh..wh.aufs", "metadata"],
    ["d/.wh..wh.x", "metadata"],
  ])("takes %j for %s", (path, kind) => {
    expect(meaningOf(entry(path))).toEqual({ kind });
  });

  it.each([
    [".wh.a", { kind: "whiteout", path: "a" }],
    ["d/.wh.a.b", { kind: "whiteout", path: "d/a.b" }],
    [".wh....", { kind: "whiteout", path: "..." }],
    [".wh.d/.wh.a", { kind: "whiteout", path: ".wh.d/a" }],
    [".wh..wh..opq", { kind: "opaque", path: "" }],
    ["d/.wh..wh..opq", { kind: "opaque", path: "d" }],
  ])("takes %j for %j", (path, meaning) => {
    expect(meaningOf(entry(path))).toEqual(meaning);
    expect(meaningOf(entry(path, "hardlink"))).toEqual(meaning);
  });

  it.each([".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh...", ".wh.d/.wh.."])("refuses %j", (path) => {
    expect(() => meaningOf(entry(path))).toThrow(/names nothing/);
  });

  it.each(["directory", "symlink", "fifo", "char-device", "block-device"] as const)("refuses a %s", (type) => {
    expect(() => meaningOf(entry("d/.wh.a", type))).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }) as Error,
    );
    expect(() => meaningOf(entry("d/.wh..wh..opq", type))).toThrow(/not a file/);
  });
});

describe("isAufsLinkTarget", () => {
  it("is true of the directory and what is in it only", () => {
    expect(
      [".wh..wh.plnk", ".wh..wh.plnk/1", ".wh..wh.plnk2/1", "d/.wh..wh.plnk/1"].map((path) =>
        isAufsLinkTarget(path as RelPath),
      ),
    ).toEqual([true, true, false, false]);
  });
});
