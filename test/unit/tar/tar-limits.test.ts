import { expect, test } from "vitest";
import { hasCode } from "../../../driver/base/errors.ts";
import { defaultTarLimits } from "../../../driver/tar/entry.ts";
import type { TarLimits } from "../../../driver/tar/entry.ts";
import { TarReader } from "../../../driver/tar/tar-reader.ts";
import { extendedHeader, header, longName, pad, paxRecord, tar } from "../../fixtures/tar-builder.ts";
import { collectTar } from "../../fixtures/tar-collect.ts";

function expectOver(limit: keyof TarLimits, archive: Uint8Array, limits: Partial<TarLimits>): void {
  const act = (): unknown => collectTar(archive, { limits: { ...defaultTarLimits, ...limits } });
  expect(act).toThrow(`over ${limit}`);
  expect(act).toThrow(expect.toSatisfy((error: unknown) => hasCode(error, "ERR_RESOURCE_EXHAUSTED")));
}

const files = (count: number): { path: string; data: string }[] =>
  Array.from({ length: count }, (_, index) => ({ path: `f${index}`, data: "x".repeat(100) }));

test("maxEntries allows as many entries and not one more", () => {
  expect(collectTar(tar(files(3)), { limits: { ...defaultTarLimits, maxEntries: 3 } })).toHaveLength(3);
  expectOver("maxEntries", tar(files(4)), { maxEntries: 3 });
});

test("maxBytes counts files, holes and skipped bodies before they come", () => {
  expect(collectTar(tar(files(3)), { limits: { ...defaultTarLimits, maxBytes: 300 } })).toHaveLength(3);
  expectOver("maxBytes", tar(files(4)), { maxBytes: 300 });
  const sparse = { version: "1.0", sizeBytes: 1e12, extents: [] } as const;
  expectOver("maxBytes", tar([{ path: "holes", sparse }]), { maxBytes: 1e9 });
  expectOver("maxBytes", header({ name: "big", size: 2 ** 50 }), {});
  expectOver("maxBytes", header({ name: "dir", typeflag: "5", size: 2 ** 50 }), {});
  expectOver("maxBytes", header({ name: "label", typeflag: "V", size: 2 ** 50 }), {});
});

test("maxDepth counts components", () => {
  expectOver("maxDepth", tar([{ path: "a/".repeat(1025) }]), {});
});

test.each(["x", "X", "g", "L", "K"])("a 1 GiB %s header is refused before anything is kept", (typeflag) => {
  const before = process.memoryUsage();
  expectOver("maxHeaderBytes", header({ name: "bomb", typeflag, size: 1024 ** 3 }), {});
  expectOver("maxHeaderBytes", header({ name: "bomb", typeflag, size: 1024 ** 3 }), { maxHeaderBytes: 2 ** 40 });
  const after = process.memoryUsage();
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(8 * 1024 * 1024);
});

test("maxHeaderBytes allows a header of just that length", () => {
  const limits = { ...defaultTarLimits, maxHeaderBytes: 1000 };
  const ofLength = (length: number): Buffer => extendedHeader(paxRecord("comment", "c".repeat(length - 14)));
  expect(collectTar(tar([ofLength(1000), { path: "f" }]), { limits })).toHaveLength(1);
  expectOver("maxHeaderBytes", tar([ofLength(1001), { path: "f" }]), limits);
  const mebibyte = extendedHeader(paxRecord("comment", "c".repeat(1024 * 1024 - 17)));
  expect(collectTar(tar([mebibyte, { path: "f" }]), { pieces: [100_000] })).toHaveLength(1);
});

test.each([
  ["x", extendedHeader(paxRecord("comment", "c"))],
  ["g", extendedHeader(paxRecord("comment", "c"), "g")],
  ["L", longName("name")],
  ["empty x", extendedHeader("")],
  ["V", header({ name: "label", typeflag: "V", format: "gnu" })],
])("a flood of %s headers without an entry ends", (_, part) => {
  const reader = new TarReader({ entry: () => undefined, data: () => undefined, endOfEntry: () => undefined });
  const flood = Buffer.concat(Array.from({ length: 1000 }, () => part));
  expect(() => {
    for (let turn = 0; turn < 1000; turn++) reader.push(flood);
  }).toThrow(/over maxHeaderBytes/);
});

test("headers that belong to entries are no flood", () => {
  const entries = Array.from({ length: 20 }, (_, i) => [longName(`n${i}`), longName("k", "K"), { path: "f" }]);
  const limits = { ...defaultTarLimits, maxHeaderBytes: 512 };
  expect(collectTar(tar(entries.flat()), { limits })).toHaveLength(20);
});

test("maxSparseExtents refuses a map of ten million by its count alone", () => {
  const records = [
    paxRecord("GNU.sparse.major", "1"),
    paxRecord("GNU.sparse.minor", "0"),
    paxRecord("GNU.sparse.name", "f"),
    paxRecord("GNU.sparse.realsize", "100000000"),
  ];
  const bomb = tar([
    extendedHeader(Buffer.concat(records)),
    header({ name: "f", size: 10 ** 9 }),
    pad("10000000\n0\n1\n"),
  ]);
  expectOver("maxSparseExtents", bomb, {});
});

test("maxSparseExtents holds for every kind of map", () => {
  const extents = Array.from({ length: 40 }, (_, index) => ({ offsetBytes: index * 1024, data: "x" }));
  for (const version of ["old-gnu", "0.0", "0.1", "1.0"] as const) {
    const archive = tar([{ path: "f", sparse: { version, sizeBytes: 100_000, extents } }]);
    expect(collectTar(archive, { limits: { ...defaultTarLimits, maxSparseExtents: 40 } })).toHaveLength(1);
    expectOver("maxSparseExtents", archive, { maxSparseExtents: 39 });
  }
});

test("maxSparseExtents ends a chain of empty extension blocks", () => {
  const empty = Buffer.alloc(512);
  empty[504] = 1;
  const head = header({ name: "f", typeflag: "S", format: "gnu", patches: [{ offset: 482, bytes: "\x01" }] });
  expectOver("maxSparseExtents", Buffer.concat([head, ...Array.from({ length: 200 }, () => empty)]), {
    maxSparseExtents: 100,
  });
});
