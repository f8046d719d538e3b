import { describe, expect, test } from "vitest";
import { hasCode } from "../../../driver/base/errors.ts";
import type { ErrorCode } from "../../../driver/base/errors.ts";
import { TarReader } from "../../../driver/tar/tar-reader.ts";
import { compileCore, createCore } from "../../../driver/wasm/core.ts";
import { base256, entry, extendedHeader, header, longName, pad, paxRecord, tar } from "../../fixtures/tar-builder.ts";
import type { EntrySpec } from "../../fixtures/tar-builder.ts";
import { collectTar } from "../../fixtures/tar-collect.ts";

function expectError(code: ErrorCode, text: string | RegExp, archive: Uint8Array): void {
  const act = (): unknown => collectTar(archive);
  expect(act).toThrow(text);
  expect(act).toThrow(expect.toSatisfy((error: unknown) => hasCode(error, code)));
}

const invalid = (text: string | RegExp, ...parts: readonly (EntrySpec | Uint8Array)[]): void => {
  expectError("ERR_INVALID_ARGUMENT", text, tar(parts));
};

const one = (spec: EntrySpec): ReturnType<typeof collectTar>[number] => {
  const [first, ...rest] = collectTar(tar([spec]));
  if (first === undefined || rest.length > 0) throw new Error("not one entry");
  return first;
};

describe.each(["plain", "simd"] as const)("TarReader on the %s core", (build) => {
  const core = createCore(compileCore(build));
  const archive = tar([
    { path: "./", type: "directory", mode: 0o755 },
    { path: "dir/", type: "directory", mode: 0o1777, uid: 1000, gid: 1001, mtimeNs: 1_700_000_000_000_000_001n },
    { path: "dir/file", data: "x".repeat(1000), mode: 0o4755, xattrs: { "user.a": "1\n\0=" } },
    { path: "dir/empty" },
    { path: "dir/full", data: "y".repeat(1024) },
    { path: "link", type: "symlink", linkTarget: "../outside" },
    { path: "hard", type: "hardlink", linkTarget: "/dir/file" },
    { path: "null", type: "char-device", devMajor: 1, devMinor: 3, mode: 0o666 },
    { path: "disk", type: "block-device", devMajor: 253, devMinor: 3_000_000 },
    { path: "pipe", type: "fifo" },
    { path: "deep/".repeat(40) + "x", data: "z", uid: 4_294_967_294 },
    { path: "gnu/".repeat(40) + "x", data: "z", format: "gnu", gid: 4_294_967_294 },
    { path: "to-long", type: "symlink", linkTarget: "t/".repeat(100), format: "gnu" },
    { path: Buffer.from([0x66, 0xff, 0xfe]), data: "bytes" },
  ]);
  const whole = collectTar(archive, { core });

  test("gives every entry as it is written", () => {
    const shown = whole.map((e) => [e.type, e.path, e.linkTarget, e.mode.toString(8), e.uid, e.gid, e.stored.length]);
    expect(shown).toEqual([
      ["directory", "", "", "755", 0, 0, 0],
      ["directory", "dir", "", "1777", 1000, 1001, 0],
      ["file", "dir/file", "", "4755", 0, 0, 1000],
      ["file", "dir/empty", "", "644", 0, 0, 0],
      ["file", "dir/full", "", "644", 0, 0, 1024],
      ["symlink", "link", "../outside", "777", 0, 0, 0],
      ["hardlink", "hard", "dir/file", "644", 0, 0, 0],
      ["char-device", "null", "", "666", 0, 0, 0],
      ["block-device", "disk", "", "644", 0, 0, 0],
      ["fifo", "pipe", "", "644", 0, 0, 0],
      ["file", "deep/".repeat(40) + "x", "", "644", 4_294_967_294, 0, 1],
      ["file", "gnu/".repeat(40) + "x", "", "644", 0, 4_294_967_294, 1],
      ["symlink", "to-long", "t/".repeat(100), "777", 0, 0, 0],
      ["file", "f\u00ff\u00fe", "", "644", 0, 0, 5],
    ]);
    expect(whole[1]?.mtimeNs).toBe(1_700_000_000_000_000_001n);
    expect(whole[2]?.xattrs).toEqual(new Map([["user.a", new Uint8Array([0x31, 10, 0, 0x3d])]]));
    expect([whole[7]?.devMajor, whole[7]?.devMinor, whole[8]?.devMajor, whole[8]?.devMinor]).toEqual([
      1, 3, 253, 3_000_000,
    ]);
    expect(whole[4]?.stored.toString()).toBe("y".repeat(1024));
  });

  test.each([1, 2, 7, 511, 512, 513, 1000, 1024])("gives the same when pushed in pieces of %d bytes", (size) => {
    expect(collectTar(archive, { core, pieces: [size] })).toEqual(whole);
  });

  test("gives the same when every border is cut once", () => {
    for (let cut = 1; cut < archive.length; cut += 37) {
      expect(collectTar(archive, { core, pieces: [cut, archive.length] })).toEqual(whole);
    }
  });

  test("gives the same from a view of the core's own memory", () => {
    const at = core.exports.DEFLATE_CONTENT.value;
    core.memory.set(archive, at);
    const view = core.memory.subarray(at, at + archive.length);
    expect(collectTar(view, { core })).toEqual(whole);
    expect(collectTar(view, { core, pieces: [700] })).toEqual(whole);
  });

  test("hands data on without copying it", () => {
    const views: ArrayBufferLike[] = [];
    const handler = { entry: () => undefined, endOfEntry: () => undefined };
    const reader = new TarReader({ ...handler, data: (bytes: Uint8Array) => void views.push(bytes.buffer) }, { core });
    reader.push(archive);
    expect(new Set(views)).toEqual(new Set([archive.buffer]));
  });
});

describe("types", () => {
  test("NUL is a file, or a directory when the name ends in a slash", () => {
    expect(one({ path: "f", typeflag: "\0", format: "v7", data: "x" })).toMatchObject({ type: "file", path: "f" });
    expect(one({ path: "d/", typeflag: "\0", format: "v7" })).toMatchObject({ type: "directory", path: "d" });
    expect(one({ path: "f/", data: "x" })).toMatchObject({ type: "file", path: "f" });
  });

  test("7 is a file and D a directory whose list is skipped", () => {
    expect(one({ path: "f", typeflag: "7", data: "x" })).toMatchObject({ type: "file", sizeBytes: 1 });
    const list = "Yname\0\0".padEnd(600, "x");
    const entries = collectTar(tar([{ path: "d/", typeflag: "D", format: "gnu", data: list }, { path: "next" }]));
    expect(entries.map((e) => `${e.type} ${e.path} ${e.sizeBytes}`)).toEqual(["directory d 0", "file next 0"]);
  });

  test("V is passed over", () => {
    const label = header({ name: "label", typeflag: "V", format: "gnu" });
    expect(collectTar(tar([label, { path: "f" }])).map((e) => e.path)).toEqual(["f"]);
  });

  test.each(["M", "N", "A", "E", "Z", "8", "9", "s", "\x01", "\xff"])("%j is refused", (typeflag) => {
    invalid(/cannot read tar entry "f": it/, { path: "f", typeflag });
  });

  test("a body that a type cannot have is skipped", () => {
    for (const type of ["directory", "hardlink", "symlink", "fifo", "char-device"] as const) {
      const body = "junk".repeat(200);
      const archive = tar([
        { path: "a", type, linkTarget: "t", data: body },
        { path: "next", data: "n" },
      ]);
      for (const pieces of [[archive.length], [1], [512], [600]]) {
        const entries = collectTar(archive, { pieces });
        expect(entries.map((e) => [e.path, e.sizeBytes, e.stored.toString()])).toEqual([
          ["a", 0, ""],
          ["next", 1, "n"],
        ]);
      }
    }
  });

  test("only a directory can be the root", () => {
    expect(one({ path: "/", type: "directory" }).path).toBe("");
    invalid("only a directory can be the root", { path: ".", type: "symlink", linkTarget: "/etc" });
    invalid("only a directory can be the root", { path: "a/..", data: "x" });
  });
});

describe("names", () => {
  test("a name is cleaned and one that leads out is refused", () => {
    expect(one({ path: "/./a//b/../c/", type: "directory" }).path).toBe("a/c");
    invalid("leads out of the root", { path: "a/../../b" });
    invalid("name is empty", { path: "" });
    invalid("longer than 255", { path: "x".repeat(256) });
    invalid("longer than 4096", { path: "abcdefgh/".repeat(500) });
  });

  test("GNU long names go before PAX paths, and those before the header's", () => {
    const pax = extendedHeader(paxRecord("path", "from-pax"));
    expect(collectTar(tar([pax, { path: "h" }]))[0]?.path).toBe("from-pax");
    expect(collectTar(tar([longName("from-gnu"), pax, { path: "h" }]))[0]?.path).toBe("from-gnu");
    expect(collectTar(tar([pax, longName("from-gnu"), { path: "h" }]))[0]?.path).toBe("from-gnu");
  });

  test("the last of several long names wins, and stops at its NUL", () => {
    const parts = [longName("one"), longName("two\0junk"), { path: "h" }, { path: "after" }];
    expect(collectTar(tar(parts)).map((e) => e.path)).toEqual(["two", "after"]);
  });

  test("a long link applies to the link alone", () => {
    const archive = tar([
      longName("far/away", "K"),
      { path: "l", type: "symlink", linkTarget: "x" },
      { path: "m", type: "symlink", linkTarget: "y" },
    ]);
    expect(collectTar(archive).map((e) => e.linkTarget)).toEqual(["far/away", "y"]);
  });

  test("symlink targets stand as they are; hard link targets are cleaned", () => {
    for (const linkTarget of ["/abs", "../../../up", "a//b/.", "dangling", "t/".repeat(2047)]) {
      expect(one({ path: "l", type: "symlink", linkTarget }).linkTarget).toBe(linkTarget);
    }
    expect(one({ path: "l", type: "hardlink", linkTarget: "/./a//b" }).linkTarget).toBe("a/b");
    invalid("leads out of the root", { path: "l", type: "hardlink", linkTarget: "../b" });
    invalid("hard link to the root", { path: "l", type: "hardlink", linkTarget: "/" });
    invalid("target is empty", { path: "l", type: "hardlink" });
    invalid("target is empty", { path: "l", type: "symlink" });
    invalid("longer than 4095", { path: "l", type: "symlink", linkTarget: "t/".repeat(2048) });
  });
});

describe("PAX records", () => {
  test("size beats the header's, whatever that says", () => {
    for (const size of ["00000000000\0", "00000000005\0", "garbage", base256(-1n, 12), base256(2n ** 80n, 12)]) {
      const parts = [extendedHeader(paxRecord("size", "3")), header({ name: "f", size }), pad("abc"), { path: "g" }];
      expect(collectTar(tar(parts)).map((e) => [e.path, e.stored.toString()])).toEqual([
        ["f", "abc"],
        ["g", ""],
      ]);
    }
  });

  test("a repeated key: the last wins; an empty value: the header's word stands", () => {
    expect(
      one({
        path: "f",
        pax: [
          ["uid", "1"],
          ["uid", "2"],
        ],
      }).uid,
    ).toBe(2);
    expect(
      one({
        path: "f",
        uid: 7,
        pax: [
          ["uid", "1"],
          ["uid", ""],
        ],
      }).uid,
    ).toBe(7);
    expect(
      one({
        path: "f",
        pax: [
          ["path", "x"],
          ["path", ""],
        ],
      }).path,
    ).toBe("f");
    expect(one({ path: "f", data: "abc", pax: { size: "" } }).sizeBytes).toBe(3);
    expect(one({ path: "f", mtimeNs: 5_000_000_000n, pax: { mtime: "" } }).mtimeNs).toBe(5_000_000_000n);
    expect(
      one({
        path: "f",
        pax: [
          ["SCHILY.xattr.user.a", "1"],
          ["SCHILY.xattr.user.a", ""],
        ],
      }).xattrs.size,
    ).toBe(0);
  });

  test("records apply to the next entry only, and a second header replaces the first", () => {
    const archive = tar([
      extendedHeader(paxRecord("uid", "5")),
      extendedHeader(paxRecord("gid", "6")),
      { path: "a" },
      { path: "b" },
    ]);
    expect(collectTar(archive).map((e) => [e.uid, e.gid])).toEqual([
      [0, 6],
      [0, 0],
    ]);
  });

  test("global headers are ignored", () => {
    const global = extendedHeader(
      Buffer.concat([paxRecord("path", "evil"), paxRecord("size", "9"), paxRecord("comment", "c")]),
      "g",
    );
    const entries = collectTar(
      tar([global, { path: "a", data: "x" }, extendedHeader("not even records", "g"), { path: "b" }]),
    );
    expect(entries.map((e) => [e.path, e.sizeBytes])).toEqual([
      ["a", 1],
      ["b", 0],
    ]);
  });

  test("Solaris X headers are read as x", () => {
    expect(collectTar(tar([extendedHeader(paxRecord("path", "solaris"), "X"), { path: "a" }]))[0]?.path).toBe(
      "solaris",
    );
  });

  test("malformed records and impossible values are refused", () => {
    const pax = (body: string): Uint8Array => extendedHeader(Buffer.from(body, "latin1"));
    invalid("cannot read tar header at byte 0: PAX records are malformed", pax("99 path=x\n"), { path: "a" });
    invalid("NUL in a name", pax("11 path=a\0b\n".replace("11", "12")), { path: "a" });
    invalid("NUL in a name", { path: "a", type: "symlink", linkTarget: "x", pax: { linkpath: "a\0b" } });
    invalid('has "-x" for a number', { path: "a", pax: { uid: "-x" } });
    invalid("its uid is out of range: -1", { path: "a", pax: { uid: "-1" } });
    invalid("its gid is out of range: 4294967295", { path: "a", pax: { gid: "4294967295" } });
    invalid("its size is out of range: -1", { path: "a", pax: { size: "-1" } });
    invalid("its size is out of range", { path: "a", pax: { size: "9007199254740992" } });
    invalid("its size is out of range", { path: "a", pax: { size: "9".repeat(400) } });
    invalid('has "yesterday" for a number', { path: "a", pax: { mtime: "yesterday" } });
    invalid("mtime is out of range", { path: "a", pax: { mtime: "9".repeat(30) } });
  });

  test("times are exact, before 1970 too", () => {
    for (const mtimeNs of [
      0n,
      1n,
      -1n,
      -1_500_000_000n,
      4_102_444_800_999_999_999n,
      -62_135_596_800_000_000_000n,
      10n ** 24n,
    ]) {
      expect(one({ path: "f", mtimeNs }).mtimeNs).toBe(mtimeNs);
    }
    expect(one({ path: "f", mtimeNs: -5_000_000_000n, format: "gnu" }).mtimeNs).toBe(-5_000_000_000n);
  });

  test("extended attributes come raw from SCHILY and decoded from LIBARCHIVE records", () => {
    const value = Buffer.from("\0\n=\u00ff", "latin1");
    const pax: [string, Uint8Array | string][] = [
      ["SCHILY.xattr.security.capability", value],
      ["LIBARCHIVE.xattr.user.b%20%c3%A9%zz", value.toString("base64").replaceAll("=", "")],
      ["LIBARCHIVE.xattr.security.capability", "b3RoZXI="],
    ];
    expect(one({ path: "f", pax }).xattrs).toEqual(
      new Map([
        ["security.capability", new Uint8Array(value)],
        ["user.b \u00c3\u00a9%zz", value],
      ]),
    );
    invalid("not base64", { path: "a", pax: { "LIBARCHIVE.xattr.user.a": "*" } });
    invalid("no proper name", { path: "a", pax: { "SCHILY.xattr.": "1" } });
    invalid("no proper name", { path: "a", pax: { "LIBARCHIVE.xattr.a%00": "MQ==" } });
  });
});

describe("numbers of the header", () => {
  test("mode keeps its twelve bits", () => {
    expect(one({ path: "f", mode: 0o107755 }).mode).toBe(0o7755);
    expect(one({ path: "f", header: { mode: base256(0o644, 8) } }).mode).toBe(0o644);
  });

  test("what cannot be is refused", () => {
    invalid("its mode is not a number", { path: "f", header: { mode: "worldwr " } });
    invalid("its uid is not a number", { path: "f", header: { uid: "root\0\0\0\0" } });
    invalid("its uid is out of range: -1", { path: "f", header: { uid: base256(-1n, 8) } });
    invalid("its gid is out of range: 4294967295", { path: "f", header: { gid: base256(4_294_967_295, 8) } });
    invalid("its size is out of range: -1", { path: "f", header: { size: base256(-1n, 12) } });
    invalid("its size is out of range", { path: "f", header: { size: base256(2n ** 53n, 12) } });
    invalid("its mtime is out of range", { path: "f", header: { mtime: base256(2n ** 80n, 12) } });
    invalid("device major is out of range: -1", {
      path: "f",
      type: "char-device",
      header: { devMajor: base256(-1n, 8) },
    });
    invalid("device minor is out of range", {
      path: "f",
      type: "block-device",
      header: { devMinor: base256(2n ** 32n, 8) },
    });
  });

  test("device fields count for devices only", () => {
    expect(one({ path: "f", header: { devMajor: "garbage!" } })).toMatchObject({ devMajor: 0 });
  });
});

describe("the end of the archive", () => {
  const file = { path: "f", data: "abc" };

  test("may be marked by two zero blocks, one, or none", () => {
    for (const endBlocks of [0, 1, 2, 20]) expect(collectTar(tar([file], { endBlocks }))).toHaveLength(1);
    expect(collectTar(Buffer.alloc(0))).toEqual([]);
    expect(collectTar(Buffer.alloc(1024))).toEqual([]);
    expect(collectTar(tar([file]).subarray(0, -100))).toHaveLength(1);
  });

  test("is followed by anything", () => {
    const junk = Buffer.from("not a tar at all".repeat(100));
    expect(collectTar(tar([tar([file]), junk, file]))).toHaveLength(1);
    expect(collectTar(tar([file, Buffer.alloc(512), junk], { endBlocks: 0 }))).toHaveLength(1);
  });

  test("may not be doubtful: an entry after a single zero block", () => {
    invalid("an entry follows a zero block", file, Buffer.alloc(512), file);
  });

  test("may come before the padding of the last body but not within a header or body", () => {
    const bare = tar([{ path: "f", data: "x".repeat(600) }], { endBlocks: 0 });
    expect(collectTar(bare.subarray(0, 512 + 600))).toHaveLength(1);
    for (const length of [1, 511, 512, 513, 1111]) {
      expectError("ERR_DATA_LOSS", /it ends at byte \d+, within/, bare.subarray(0, length));
    }
  });

  test("may not come after extended headers", () => {
    for (const part of [longName("x"), longName("x", "K"), extendedHeader(paxRecord("path", "x"))]) {
      expectError("ERR_DATA_LOSS", "within the headers of an entry", tar([part], { endBlocks: 0 }));
      expectError("ERR_DATA_LOSS", "within the headers of an entry", tar([part]));
      expectError("ERR_DATA_LOSS", "within a header", part.subarray(0, 513));
    }
  });

  test("is not reached by garbage", () => {
    invalid("cannot read tar header at byte 0: the checksum is wrong", Buffer.from("garbage".repeat(100)));
    invalid("cannot read tar header at byte 1024: the checksum is wrong", file, Buffer.alloc(512, 1));
  });

  test("is drained in flat memory: 10 GiB of zeros", () => {
    const reader = new TarReader({ entry: () => undefined, data: () => undefined, endOfEntry: () => undefined });
    reader.push(tar([file]));
    const zeros = new Uint8Array(16 * 1024 * 1024);
    const before = process.memoryUsage().rss;
    for (let pushed = 0; pushed < 10 * 1024 ** 3; pushed += zeros.length) reader.push(zeros);
    reader.end();
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
  });

  test("errors of the handler pass through", () => {
    const failure = new Error("disk full");
    const handler = { entry: () => undefined, endOfEntry: () => undefined };
    const reader = new TarReader({
      ...handler,
      data: () => {
        throw failure;
      },
    });
    expect(() => {
      reader.push(entry(file));
    }).toThrow(failure);
  });
});
