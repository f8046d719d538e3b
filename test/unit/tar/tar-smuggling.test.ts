/** Archives that hold different entries for different readers: each must have one reading, the safe one, or none. */
import { expect, test } from "vitest";
import { extendedHeader, header, longName, pad, paxRecord, tar } from "../../fixtures/tar-builder.ts";
import type { EntrySpec } from "../../fixtures/tar-builder.ts";
import { collectTar } from "../../fixtures/tar-collect.ts";

const evil = { path: "evil", data: "payload" };
const evilArchive = tar([evil], { endBlocks: 0 });

const paths = (parts: readonly (EntrySpec | Uint8Array)[], pieces = [1e9]): string[] =>
  collectTar(tar(parts), { pieces }).map((entry) => entry.path);

// CVE-2026-33055: a reader that ignores a PAX size sees the entries inside the file.
test("a PAX size hides what is inside the file, though the header says 0", () => {
  const parts = [
    extendedHeader(paxRecord("size", "1024")),
    header({ name: "outer", size: 0 }),
    evilArchive,
    { path: "next" },
  ];
  expect(evilArchive).toHaveLength(1024);
  expect(paths(parts)).toEqual(["outer", "next"]);
  expect(paths(parts, [1])).toEqual(["outer", "next"]);
});

test("a PAX size of 0 shows what the header's size would hide", () => {
  const parts = [
    extendedHeader(paxRecord("size", "0")),
    header({ name: "outer", size: 1024 }),
    evilArchive,
    { path: "next" },
  ];
  expect(paths(parts)).toEqual(["outer", "evil", "next"]);
});

// CVE-2026-53655: a PAX size meant for the file, applied to the long-name header between.
test.each(["L", "K"] as const)("a PAX size does not apply to the %s header before its entry", (flag) => {
  const size = extendedHeader(paxRecord("size", "7"));
  const between = longName("long-name-of-the-entry", flag);
  const parts = [size, between, header({ name: "short", size: 1024 }), pad("content"), evil];
  expect(paths(parts)).toEqual([flag === "L" ? "long-name-of-the-entry" : "short", "evil"]);
  const skipping = [
    extendedHeader(paxRecord("size", "2048")),
    between,
    header({ name: "short", size: 0 }),
    evilArchive,
    evilArchive,
  ];
  expect(paths(skipping)).toEqual([flag === "L" ? "long-name-of-the-entry" : "short"]);
});

test("a PAX size does not apply to another extended header", () => {
  const parts = [
    extendedHeader(paxRecord("size", "1024")),
    extendedHeader(paxRecord("path", "renamed")),
    header({ name: "short", size: 3 }),
    pad("abc"),
    evil,
  ];
  expect(paths(parts)).toEqual(["renamed", "evil"]);
});

test("a global size, path or link path applies to nothing", () => {
  const global = extendedHeader(
    Buffer.concat([paxRecord("size", "1024"), paxRecord("path", "x"), paxRecord("linkpath", "/")]),
    "g",
  );
  expect(
    paths([global, header({ name: "a", size: 0 }), { path: "b", type: "symlink", linkTarget: "t" }, evil]),
  ).toEqual(["a", "b", "evil"]);
});

test("a global header between an extended header and its entry is refused", () => {
  const global = extendedHeader(paxRecord("comment", "c"), "g");
  for (const first of [extendedHeader(paxRecord("size", "1024")), longName("x"), longName("x", "K")]) {
    expect(() => paths([first, global, header({ name: "a", size: 0 }), evil])).toThrow("global header comes between");
  }
});

test.each(["1", "2", "3", "4", "5", "6"])(
  "an entry in the data of a type-%s entry is refused, not shown or hidden",
  (typeflag) => {
    for (const first of [[], [extendedHeader(paxRecord("size", "1024"))]]) {
      const outer = header({ name: "outer", linkname: "t", typeflag, size: first.length > 0 ? 0 : 1024 });
      for (const pieces of [[1e9], [1], [700]]) {
        expect(() => paths([...first, outer, evilArchive, { path: "next" }], pieces)).toThrow("reads as another entry");
      }
    }
  },
);

test("the data of a GNU directory list is not taken for entries", () => {
  expect(
    paths([header({ name: "d/", typeflag: "D", format: "gnu", size: 1024 }), evilArchive, { path: "next" }]),
  ).toEqual(["d", "next"]);
});

test("a value with a newline does not make a record of its rest", () => {
  const pax = { comment: "x\n13 path=evil\n", "SCHILY.xattr.user.a": "\n13 path=evil\n" };
  expect(paths([{ path: "a", pax }])).toEqual(["a"]);
});

test("a path of digits and one named like an object's property are ordinary", () => {
  expect(paths([{ path: "a", pax: { path: "123" } }, { path: "__proto__" }, { path: "constructor/x" }])).toEqual([
    "123",
    "__proto__",
    "constructor/x",
  ]);
});

test("a sparse file's name is the name, and its size the size with holes", () => {
  const sparse = { version: "1.0", sizeBytes: 2048, extents: [{ offsetBytes: 1024, data: evilArchive }] } as const;
  const entries = collectTar(tar([{ path: "real", sparse }, { path: "next" }]));
  expect(entries.map((e) => [e.path, e.sizeBytes, e.stored.length])).toEqual([
    ["real", 2048, 1024],
    ["next", 0, 0],
  ]);
});

test("entries after the end of the archive stay unseen", () => {
  expect(paths([{ path: "a" }, Buffer.alloc(1024), evil])).toEqual(["a"]);
});
