import { describe, expect, it } from "vitest";
import type { RelPath } from "../../../driver/base/path-bytes.ts";
import { NotesBuilder } from "../../../driver/extract/notes-builder.ts";

const path = (text: string): RelPath => text as RelPath;
const all = (): boolean => true;

describe("NotesBuilder", () => {
  it("keeps the records of implied directories that entries have ended", () => {
    const notes = new NotesBuilder();
    notes.addImplied(path("a"));
    notes.addImplied(path("a/b"));
    notes.endImplied(path("a"));
    notes.endImplied(path("unknown"));
    expect(notes.isImplied(path("a"))).toBe(false);
    expect(notes.isImplied(path("a/b"))).toBe(true);
    expect(notes.finish(all).implied).toEqual([
      { path: "a", lasts: false },
      { path: "a/b", lasts: true },
    ]);
  });

  it("implies nothing for lower layers at or below a replaced directory, until a leaf is there again", () => {
    const notes = new NotesBuilder();
    notes.addReplaced(path("r"));
    notes.addImplied(path("r"));
    notes.addImplied(path("r/x/y"));
    notes.addImplied(path("rx"));
    expect(notes.finish(all).implied.map((record) => record.path)).toEqual(["rx"]);
    notes.addLeaf(path("r"));
    expect(notes.isLowerVisible(path("r/x"))).toBe(true);
    expect(notes.finish(all).replaced).toEqual([]);
  });

  it("drops a lower link whose path gets another entry, and what the tree no longer has", () => {
    const notes = new NotesBuilder();
    for (const name of ["a", "b", "c", "d"]) notes.addLowerLink(path(name), path("t"));
    notes.addLeaf(path("a"));
    notes.addReplaced(path("b"));
    expect(notes.finish((link) => link.path !== "d").lowerLinks).toEqual([{ path: "c", target: "t" }]);
  });

  it("keeps the first failure and notes everything once", () => {
    const notes = new NotesBuilder();
    expect(notes.finish(all)).not.toHaveProperty("failure");
    notes.fail("first");
    notes.fail("second");
    notes.addWhiteout(path("w"));
    notes.addWhiteout(path("w"));
    notes.addOpaque(path("o"));
    expect(notes.finish(all)).toMatchObject({ failure: "first", whiteouts: ["w"], opaques: ["o"] });
  });

  it("stops at a million implied directories", () => {
    const notes = new NotesBuilder();
    for (let index = 0; index < 1_000_000; index++) notes.addLookedThrough(path("x"));
    expect(() => {
      notes.addImplied(path("y"));
    }).toThrow(expect.objectContaining({ code: "ERR_RESOURCE_EXHAUSTED" }) as Error);
  });
});
