import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { extract as tarStream } from "tar-stream";
import { describe, expect, it } from "vitest";
import type { RelPath } from "../../../driver/base/path-bytes.ts";
import type { EntryType, TarEntry } from "../../../driver/tar/entry.ts";
import { endOfArchive, paddingAfter, tarHeader, type WritableEntry } from "../../../driver/tar/tar-writer.ts";
import { readEntries } from "../../suites/layer-model.ts";

const plain: WritableEntry = {
  type: "file",
  path: "etc/passwd" as RelPath,
  linkTarget: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeNs: 0n,
  sizeBytes: 0,
  devMajor: 0,
  devMinor: 0,
  xattrs: new Map(),
};

function archive(entry: WritableEntry): Buffer {
  const { sizeBytes } = entry;
  return Buffer.concat([tarHeader(entry), Buffer.alloc(sizeBytes + paddingAfter(sizeBytes), "x"), endOfArchive]);
}

function readBack(entry: WritableEntry): TarEntry | undefined {
  return readEntries(archive(entry))[0]?.entry;
}

describe("tarHeader", () => {
  it("is one ustar block when ustar can say it", () => {
    const header = tarHeader({ ...plain, mode: 0o4755, uid: 0o7777777, mtimeNs: 1_700_000_000_000_000_000n });
    expect(header.length).toBe(512);
    expect(header.toString("latin1", 257, 265)).toBe("ustar\x0000");
    expect(header.toString("latin1", 100, 108)).toBe("0004755\0");
    expect(header.toString("latin1", 108, 116)).toBe("7777777\0");
    expect(header.toString("latin1", 265, 329)).toBe("\0".repeat(64));
  });

  it("splits names of more than 100 bytes at a slash when both parts fit", () => {
    const path = `${"a".repeat(120)}/${"b".repeat(100)}` as RelPath;
    expect(tarHeader({ ...plain, path }).length).toBe(512);
    expect(readBack({ ...plain, path })?.path).toBe(path);
    expect(tarHeader({ ...plain, path: `${path}b` as RelPath }).length).toBeGreaterThan(512);
  });

  it("never leaves an empty name behind the prefix of a directory", () => {
    const path = "d".repeat(120) as RelPath;
    const entry = { ...plain, type: "directory" as const, path };
    expect(tarHeader(entry).length).toBeGreaterThan(512);
    expect(readBack(entry)?.path).toBe(path);
  });

  it.each([
    ["ids above 2097151", { uid: 0o10000000, gid: 4_294_967_294 }],
    ["sizes of 8 GiB", { sizeBytes: 8 * 1024 ** 3 }],
    ["nanoseconds", { mtimeNs: 1_700_000_000_123_456_789n }],
    ["times before 1970", { mtimeNs: -1n }],
    ["times after 2242", { mtimeNs: 9_000_000_000_000_000_000n }],
  ])("has PAX records for %s", (_, fields) => {
    expect(tarHeader({ ...plain, ...fields }).length).toBe(3 * 512);
  });

  it("writes the root as ./ and counts the digits of a record's length", () => {
    expect(readBack({ ...plain, type: "directory", path: "" as RelPath })?.path).toBe("");
    for (let length = 60; length < 130; length++) {
      const xattrs = new Map([["user.a", Buffer.alloc(length, "v")]]);
      expect(readBack({ ...plain, xattrs })?.xattrs.get("user.a")?.length).toBe(length);
    }
  });

  it("does not depend on the order of extended attributes", () => {
    const one = new Map([...["a", "b"].map((name) => [`user.${name}`, Buffer.from(name)] as const)]);
    const other = new Map([...one].reverse());
    expect(tarHeader({ ...plain, xattrs: one })).toEqual(tarHeader({ ...plain, xattrs: other }));
  });

  it("reads back as what was written", () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 130 })
      .map((bytes) => Buffer.from(bytes).toString("latin1").replace(/[\0/]/g, "_"))
      .filter((text) => text !== "." && text !== "..");
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/") as RelPath);
    const type = fc.constantFrom<EntryType>("file", "hardlink", "symlink", "char-device", "directory", "fifo");
    const entries = fc.record({
      type,
      path,
      linkTarget: path,
      mode: fc.nat(0o7777),
      uid: fc.nat(2 ** 32 - 2),
      gid: fc.nat(2 ** 32 - 2),
      mtimeNs: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 63n }),
      sizeBytes: fc.nat(2000),
      devMajor: fc.nat(4095),
      devMinor: fc.nat(1_048_575),
      xattrs: fc.constantFrom(new Map<string, Buffer>(), new Map([["user.b", Buffer.from("\n\0=1")]])),
    });
    fc.assert(
      fc.property(entries, (draft) => {
        const isLink = draft.type === "hardlink" || draft.type === "symlink";
        const isDevice = draft.type === "char-device";
        const entry = {
          ...draft,
          linkTarget: isLink ? draft.linkTarget : "",
          sizeBytes: draft.type === "file" ? draft.sizeBytes : 0,
          devMajor: isDevice ? draft.devMajor : 0,
          devMinor: isDevice ? draft.devMinor : 0,
        };
        const xattrs = Object.fromEntries([...entry.xattrs].map(([key, value]) => [key, Buffer.from(value)]));
        const back = readBack(entry);
        expect({ ...back, xattrs: undefined }).toEqual({ ...entry, xattrs: undefined, sparse: undefined });
        expect(Object.fromEntries([...(back?.xattrs ?? [])].map(([key, value]) => [key, Buffer.from(value)]))).toEqual(
          xattrs,
        );
      }),
      { numRuns: 300 },
    );
  });

  it("is understood by tar(1) and tar-stream", async () => {
    const path = `${"x".repeat(150)}/${"y".repeat(150)}` as RelPath;
    const bytes = archive({ ...plain, path, sizeBytes: 700, uid: 3_000_000, mtimeNs: 1_700_000_000_500_000_000n });
    const listed = spawnSync("tar", ["-tvf", "-", "--full-time", "--numeric-owner", "--utc"], { input: bytes });
    expect(listed.stderr.toString()).toBe("");
    expect(listed.stdout.toString()).toContain(`3000000/0`);
    expect(listed.stdout.toString()).toContain(`2023-11-14 22:13:20.5`);
    const names: string[] = [];
    const reader = tarStream();
    reader.on("entry", (header, stream, next) => {
      names.push(header.name);
      stream.resume();
      stream.on("end", next);
    });
    await new Promise<void>((resolve, reject) => {
      reader.on("finish", resolve);
      reader.on("error", reject);
      reader.end(bytes);
    });
    expect(names).toEqual([path]);
  });
});
