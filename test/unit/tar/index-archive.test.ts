import { expect, test } from "vitest";
import { hasCode } from "../../../driver/base/errors.ts";
import { indexTar } from "../../../driver/tar/index-archive.ts";
import type { IndexedEntry } from "../../../driver/tar/index-archive.ts";
import { extendedHeader, header, longName, pad, paxRecord, tar } from "../../fixtures/tar-builder.ts";
import { collectTar } from "../../fixtures/tar-collect.ts";

function index(archive: Uint8Array): readonly IndexedEntry[] {
  return indexTar((offset, length) => archive.subarray(offset, offset + length), archive.length);
}

const archive = tar([
  { path: "blobs/", type: "directory" },
  { path: "blobs/a", data: "x".repeat(1000), pax: { comment: "c" } },
  { path: "long/".repeat(30) + "b", data: "second", format: "gnu" },
  extendedHeader(paxRecord("comment", "c"), "g"),
  { path: "link", type: "symlink", linkTarget: "../a" },
  { path: "fifo", type: "fifo", data: "skipped" },
  { path: "empty" },
  { path: "manifest.json", data: "[]" },
]);

test("indexTar finds the same entries as TarReader, and their data", () => {
  const found = index(archive);
  const read = collectTar(archive);
  expect(found.map((e) => [e.path, e.type, e.linkTarget, e.sizeBytes])).toEqual(
    read.map((e) => [e.path, e.type, e.linkTarget, e.sizeBytes]),
  );
  found.forEach((e, at) => {
    expect(archive.subarray(e.offsetBytes, e.offsetBytes + e.sizeBytes).equals(read[at]?.stored ?? pad("no"))).toBe(
      true,
    );
  });
});

test("indexTar reads no data", () => {
  let bytes = 0;
  const big = tar([{ path: "big", data: Buffer.alloc(10_000_000) }, { path: "next" }]);
  const read = (offset: number, length: number): Uint8Array => {
    bytes += length;
    return big.subarray(offset, offset + length);
  };
  expect(indexTar(read, big.length)).toHaveLength(2);
  expect(bytes).toBe(4 * 512);
});

test("indexTar ends where TarReader does", () => {
  const file = { path: "f", data: "abc" };
  for (const endBlocks of [0, 1, 2]) expect(index(tar([file], { endBlocks }))).toHaveLength(1);
  expect(index(tar([file]).subarray(0, -100))).toHaveLength(1);
  expect(index(new Uint8Array(0))).toEqual([]);
  expect(index(tar([tar([file]), Buffer.from("junk")]))).toHaveLength(1);
  expect(() => index(tar([file, Buffer.alloc(512), file]))).toThrow("an entry follows a zero block");
  expect(() => index(Buffer.alloc(512, 1))).toThrow("checksum is wrong");
});

test.each([
  ["in a header", tar([{ path: "f", data: "x" }], { endBlocks: 0 }).subarray(0, 511)],
  ["in data", tar([{ path: "f", data: "x".repeat(9) }], { endBlocks: 0 }).subarray(0, 520)],
  ["in an extended header", longName("x").subarray(0, 513)],
  ["after an extended header", longName("x")],
  ["before huge data", header({ name: "f", size: 2 ** 39 })],
])("indexTar says data loss when the archive ends %s", (_, cut) => {
  expect(() => index(cut)).toThrow(expect.toSatisfy((error: unknown) => hasCode(error, "ERR_DATA_LOSS")));
});

test("indexTar says data loss when the file is shorter than it was", () => {
  expect(() => indexTar(() => new Uint8Array(100), 10_240)).toThrow("it ends at byte 100");
});

test("indexTar refuses sparse files and doubtful data", () => {
  for (const version of ["old-gnu", "0.1", "1.0"] as const) {
    const extents = Array.from({ length: 5 }, (_, at) => ({ offsetBytes: at * 10, data: "x" }));
    const sparse = tar([{ path: "f", sparse: { version, sizeBytes: 100, extents } }]);
    expect(() => index(sparse)).toThrow(expect.toSatisfy((error: unknown) => hasCode(error, "ERR_UNIMPLEMENTED")));
  }
  const doubtful = tar([header({ name: "d/", typeflag: "5", size: 512 }), { path: "evil" }]);
  expect(() => index(doubtful)).toThrow("reads as another entry");
});
