/** Broken archives: any outcome but a StorageError, or entries within the limits, is a fault. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { isStorageError } from "../../driver/base/errors.ts";
import { defaultTarLimits } from "../../driver/tar/entry.ts";
import { indexTar } from "../../driver/tar/index-archive.ts";
import { compileCore, createCore } from "../../driver/wasm/core.ts";
import { extendedHeader, longName, paxRecord, sealHeader, tar } from "../fixtures/tar-builder.ts";
import { collectTar } from "../fixtures/tar-collect.ts";

const cores = (["plain", "simd"] as const).map((build) => createCore(compileCore(build)));
const limits = { ...defaultTarLimits, maxBytes: 10_000_000, maxHeaderBytes: 4096, maxSparseExtents: 30 };
const extents = [3, 600, 1200, 1800, 2400, 3000].map((offsetBytes) => ({ offsetBytes, data: "data" }));

const seeds = [
  tar([
    { path: "d/", type: "directory" },
    { path: "d/f", data: "x".repeat(700), mtimeNs: -5n, xattrs: { "user.a": "b" } },
    { path: "l", type: "symlink", linkTarget: "t/".repeat(80) },
    { path: "h", type: "hardlink", linkTarget: "d/f", data: "body" },
    { path: "c", type: "char-device", devMajor: 1, devMinor: 3 },
    { path: "p/".repeat(90), type: "directory", format: "gnu", uid: 4_000_000_000 },
  ]),
  tar([
    longName("long"),
    extendedHeader(paxRecord("size", "3")),
    { path: "s", data: "abc" },
    extendedHeader("", "g"),
    { path: "v", format: "v7" },
  ]),
  ...(["old-gnu", "0.0", "0.1", "1.0"] as const).map((version) =>
    tar([
      { path: "sparse", sparse: { version, sizeBytes: 5000, extents } },
      { path: "after", data: "x" },
    ]),
  ),
];

/** The entries or the error's code and message. */
function outcome(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    if (isStorageError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

interface Mutation {
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Mend the checksum of the block, so that the change is looked at. */
  readonly seal: boolean;
}

const interesting = fc.constantFrom(
  0,
  1,
  0x20,
  0x2d,
  0x2f,
  0x30,
  0x37,
  0x39,
  0x3d,
  0x4c,
  0x53,
  0x67,
  0x78,
  0x7f,
  0x80,
  0xff,
);
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(10_000),
  bytes: fc
    .array(fc.oneof(interesting, fc.nat(255)), { minLength: 1, maxLength: 14 })
    .map((bytes) => Uint8Array.from(bytes)),
  seal: fc.boolean(),
});

function mutate(seed: Buffer, mutations: readonly Mutation[], keep: number): Buffer {
  const archive = Buffer.from(seed);
  for (const { at, bytes, seal } of mutations) {
    const start = at % archive.length;
    archive.set(bytes.subarray(0, archive.length - start), start);
    const block = start - (start % 512);
    if (seal) sealHeader(archive.subarray(block, block + 512));
  }
  return archive.subarray(0, Math.ceil(archive.length * keep));
}

test("TarReader survives broken archives the same way on both cores and in any pieces", () => {
  const keep = fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true }));
  const property = fc.property(
    fc.constantFrom(...seeds),
    fc.array(mutation, { maxLength: 4 }),
    keep,
    (seed, mutations, kept) => {
      const archive = mutate(seed, mutations, kept);
      const outcomes = cores.map((core) => outcome(() => collectTar(archive, { core, limits })));
      expect(outcomes[1]).toEqual(outcomes[0]);
      expect(outcome(() => collectTar(archive, { limits, pieces: [7, 512, 1, 1000] }))).toEqual(outcomes[0]);
      outcome(() =>
        indexTar((offset, length) => archive.subarray(offset, offset + length), archive.length, { limits }),
      );
    },
  );
  fc.assert(property, { numRuns: 3000 });
});

test("TarReader survives random PAX bodies", () => {
  const record = fc.tuple(
    fc.constantFrom(
      "path",
      "size",
      "mtime",
      "uid",
      "linkpath",
      "SCHILY.xattr.user.a",
      "GNU.sparse.map",
      "GNU.sparse.offset",
      "GNU.sparse.numbytes",
      "GNU.sparse.major",
      "x",
    ),
    fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.string({ unit: fc.constantFrom(...Array.from("0123456789,.-\n=")), maxLength: 20 }),
    ),
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .array(
        record.map(([key, value]) => paxRecord(key, value)),
        { maxLength: 5 },
      )
      .map((records) => Buffer.concat(records)),
  );
  const property = fc.property(body, fc.nat(59), fc.nat(255), (bytes, at, byte) => {
    for (const changed of [bytes, Uint8Array.from(bytes, (old, index) => (index === at ? byte : old))]) {
      const archive = tar([extendedHeader(changed), { path: "f", data: "abc" }]);
      const outcomes = cores.map((core) => outcome(() => collectTar(archive, { core, limits })));
      expect(outcomes[1]).toEqual(outcomes[0]);
    }
  });
  fc.assert(property, { numRuns: 2000 });
});
