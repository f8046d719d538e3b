import { describe, expect, test } from "vitest";
import { extendedHeader, header, pad, paxRecord, tar } from "../../fixtures/tar-builder.ts";
import { collectTar, contentOf } from "../../fixtures/tar-collect.ts";

const versions = ["old-gnu", "0.0", "0.1", "1.0"] as const;

describe.each(versions)("a sparse file of version %s", (version) => {
  test.each([0, 1, 4, 5, 25, 26, 200])("with %d extents has its content, however it is cut", (count) => {
    const extents = Array.from({ length: count }, (_, index) => ({
      offsetBytes: index * 1000 + 7,
      data: `extent ${index};`.repeat(1 + (index % 30)),
    }));
    const sizeBytes = count * 1000 + 5000;
    const content = Buffer.alloc(sizeBytes);
    for (const { offsetBytes, data } of extents) content.write(data, offsetBytes, "latin1");
    const archive = tar([
      { path: "dir/sparse", sparse: { version, sizeBytes, extents }, mtimeNs: 5n },
      { path: "next", data: "n" },
    ]);
    for (const pieces of [[archive.length], [1], [512], [513, 90]]) {
      const [file, next] = collectTar(archive, { pieces });
      if (file === undefined) throw new Error("no entry");
      expect(file).toMatchObject({ type: "file", path: "dir/sparse", sizeBytes, mtimeNs: 5n });
      expect(file.sparse).toHaveLength(count);
      expect(contentOf(file).equals(content)).toBe(true);
      expect(next).toMatchObject({ path: "next", sizeBytes: 1, sparse: undefined });
    }
  });

  test("drops extents of no length", () => {
    const extents = [
      { offsetBytes: 512, data: "a" },
      { offsetBytes: 4096, data: "" },
    ];
    const [file] = collectTar(tar([{ path: "f", sparse: { version, sizeBytes: 4096, extents } }]));
    expect(file?.sparse).toEqual([{ offsetBytes: 512, sizeBytes: 1 }]);
  });

  test.each([
    ["overlap", 100, [0, 5]],
    ["are out of order", 100, [50, 0]],
    ["reach beyond the size", 54, [0, 50]],
  ])("is refused when its extents %s", (_, sizeBytes, offsets) => {
    const extents = offsets.map((offsetBytes) => ({ offsetBytes, data: "0123456789" }));
    const archive = tar([{ path: "f", sparse: { version, sizeBytes, extents } }]);
    expect(() => collectTar(archive)).toThrow(/cannot read tar entry "f": its sparse map/);
  });

  test("is data loss when cut anywhere", () => {
    const extents = Array.from({ length: 30 }, (_, index) => ({ offsetBytes: index * 100, data: "x" }));
    const archive = tar([{ path: "f", sparse: { version, sizeBytes: 3000, extents } }], { endBlocks: 0 });
    for (let length = 512; length <= archive.length - 512; length += 256) {
      expect(() => collectTar(archive.subarray(0, length))).toThrow(/it ends at byte/);
    }
  });
});

const withRecords = (records: Record<string, string>, body: Uint8Array | string = ""): Uint8Array =>
  tar([{ path: "f", pax: records, data: body }]);

test.each([
  [
    "unknown version 2.0",
    withRecords({ "GNU.sparse.major": "2", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1" }),
  ],
  ["no size", withRecords({ "GNU.sparse.map": "0,1" }, "x")],
  ["malformed", withRecords({ "GNU.sparse.size": "9", "GNU.sparse.map": "0,1,2" }, "x")],
  ["malformed", withRecords({ "GNU.sparse.size": "9", "GNU.sparse.map": "0,,1" }, "x")],
  ["malformed", withRecords({ "GNU.sparse.size": "9", "GNU.sparse.map": "0,a" }, "x")],
  ["malformed", withRecords({ "GNU.sparse.size": "9", "GNU.sparse.offset": "0" }, "x")],
  ["malformed", withRecords({ "GNU.sparse.size": "9", "GNU.sparse.numbytes": "1" }, "x")],
  ["tells of 2", withRecords({ "GNU.sparse.size": "9", "GNU.sparse.numblocks": "2", "GNU.sparse.map": "0,1" }, "x")],
  ["tells of 1 bytes, 2 are stored", withRecords({ "GNU.sparse.size": "9", "GNU.sparse.map": "0,1" }, "xy")],
  ["tells of 3 bytes, 2 are stored", withRecords({ "GNU.sparse.size": "9", "GNU.sparse.map": "0,3" }, "xy")],
  ["out of range", withRecords({ "GNU.sparse.size": "9", "GNU.sparse.map": "9007199254740991,1" }, "x")],
  ["no sparse map", withRecords({ "GNU.sparse.name": "g" })],
])("a map is refused with: %s", (reason, archive) => {
  expect(() => collectTar(archive)).toThrow(reason);
});

test("a 1.0 map is refused when it is longer than the data, or no numbers", () => {
  const records = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1000" };
  expect(() => collectTar(withRecords(records, "1\n0\n"))).toThrow("longer than its data");
  expect(() => collectTar(withRecords(records, pad("x\n")))).toThrow("malformed");
  expect(() => collectTar(withRecords(records, pad("1\n0\n")))).toThrow("malformed");
  expect(() => collectTar(withRecords(records, pad(`1\n${"0".repeat(508)}\n1\n`)))).toThrow("tells of 1 bytes");
});

test("a sparse map is refused for what is no file, and twice for one", () => {
  const records = { "GNU.sparse.size": "9", "GNU.sparse.map": "0,1" };
  expect(() => collectTar(tar([{ path: "d", type: "directory", pax: records }]))).toThrow("is not a file");
  const old = header({ name: "f", typeflag: "S", format: "gnu" });
  const both = tar([extendedHeader(paxRecord("GNU.sparse.map", "0,1")), old]);
  expect(() => collectTar(both)).toThrow("two sparse maps");
});
