import { describe, expect, it } from "vitest";
import type { RelPath } from "../../../driver/base/path-bytes.ts";
import { DirectoryRecords } from "../../../driver/extract/directory-records.ts";
import { NotesBuilder } from "../../../driver/extract/notes-builder.ts";

/** Paths of 4095 bytes, all different, that share their memory. */
function* longPaths(count: number): Generator<RelPath> {
  const long = "a/".repeat(2043);
  for (let at = 0; at < count; at++) yield `${long}${String(at).padStart(9, "0")}` as RelPath;
}

const exhausted: unknown = expect.objectContaining({ code: "ERR_RESOURCE_EXHAUSTED" });

describe("the paths that an extraction keeps", () => {
  const keepers: readonly (readonly [string, (notes: NotesBuilder, path: RelPath) => void])[] = [
    [
      "whiteouts",
      (notes, path) => {
        notes.addWhiteout(path);
      },
    ],
    [
      "opaque directories",
      (notes, path) => {
        notes.addOpaque(path);
      },
    ],
    [
      "implied directories",
      (notes, path) => {
        notes.addImplied(path);
      },
    ],
    [
      "hard links into lower layers",
      (notes, path) => {
        notes.addLowerLink("x" as RelPath, path);
      },
    ],
  ];
  it.each(keepers)("NotesBuilder refuses more bytes of paths than memory should hold, of %s", (_, keep) => {
    const notes = new NotesBuilder();
    expect(() => {
      for (const path of longPaths(70_000)) keep(notes, path);
    }).toThrow(exhausted);
  });

  it("DirectoryRecords refuses more bytes of paths than memory should hold, and counts a path once", () => {
    const records = new DirectoryRecords();
    const [path] = longPaths(1);
    for (let at = 0; at < 100_000; at++) records.setImplied(path as RelPath, 0n);
    expect(() => {
      for (const each of longPaths(70_000)) records.setImplied(each, 0n);
    }).toThrow(exhausted);
  });
});
