import { describe, expect, test } from "vitest";
import { compileCore, createCore } from "../../../driver/wasm/core.ts";
import { TarHeaderParser } from "../../../driver/wasm/tar-header.ts";
import { PaxParser } from "../../../driver/wasm/tar-pax.ts";
import { base256, header, paxRecord } from "../../fixtures/tar-builder.ts";

describe.each(["plain", "simd"] as const)("the %s core", (build) => {
  const core = createCore(compileCore(build));
  const parser = new TarHeaderParser(core);
  const sizeOf = (size: string | Uint8Array): number => {
    expect(parser.readBlock(header({ size }), 0)).toBe("header");
    return parser.size;
  };

  test.each([
    ["00000000644\0", 0o644],
    ["00000000644 ", 0o644],
    ["        644 ", 0o644],
    ["   644 \0", 0o644],
    ["\0\0\x00644\0", 0o644],
    ["644\0junk", 0o644],
    ["777777777777", 0o777777777777],
    ["", 0],
    ["            ", 0],
    ["0000000064x ", NaN],
    ["644 5", NaN],
    ["-0000000644", NaN],
    ["00000000648\0", NaN],
    ["0x1", NaN],
  ])("tarHeader reads octal %j as %d", (field, value) => {
    expect(sizeOf(field)).toBe(value);
  });

  test.each([
    [0n, 0],
    [1n, 1],
    [0o777777777777n + 1n, 0o777777777777 + 1],
    [2n ** 53n - 1n, 2 ** 53 - 1],
    [2n ** 53n, Infinity],
    [2n ** 63n, Infinity],
    [2n ** 64n, Infinity],
    [2n ** 90n, Infinity],
    [-1n, -1],
    [-(2n ** 53n) + 1n, -(2 ** 53) + 1],
    [-(2n ** 53n), -Infinity],
    [-(2n ** 90n), -Infinity],
  ])("tarHeader reads base-256 %d exactly or as an infinity", (value, expected) => {
    expect(sizeOf(base256(value, 12))).toBe(expected);
  });

  test("tarHeader accepts unsigned and signed checksums and no other", () => {
    const name = Buffer.from("caf\u00e9\u00ff", "latin1");
    expect(parser.readBlock(header({ name }), 0)).toBe("header");
    expect(parser.readBlock(header({ name, checksum: "signed" }), 0)).toBe("header");
    expect(parser.name).toBe("caf\u00e9\u00ff");
    expect(parser.readBlock(header({ name, checksum: Buffer.from("0000000\0") }), 0)).toBe("bad-checksum");
    const flipped = header({ name });
    flipped[511] = 1;
    expect(parser.readBlock(flipped, 0)).toBe("bad-checksum");
  });

  test("tarHeader sums the largest block right", () => {
    const block = header({
      name: Buffer.alloc(100, 0xff),
      linkname: Buffer.alloc(100, 0xff),
      prefix: Buffer.alloc(155, 0xff),
    });
    expect(parser.readBlock(block, 0)).toBe("header");
  });

  test("tarHeader knows a block of zeros from any other", () => {
    expect(parser.readBlock(Buffer.alloc(512), 0)).toBe("zeros");
    for (const at of [0, 7, 8, 148, 511]) {
      const block = Buffer.alloc(512);
      block[at] = 0x80;
      expect(parser.readBlock(block, 0)).toBe("bad-checksum");
    }
  });

  test("tarHeader tells formats apart and joins prefixes only where there are any", () => {
    const read = (format: "v7" | "ustar" | "gnu" | "star", prefix: string): string => {
      parser.readBlock(header({ name: "n", prefix, format }), 0);
      return `${parser.format} ${parser.name}`;
    };
    expect(read("v7", "p")).toBe("v7 n");
    expect(read("ustar", "p")).toBe("ustar p/n");
    expect(read("ustar", "")).toBe("ustar n");
    expect(read("ustar", "p".repeat(155))).toBe(`ustar ${"p".repeat(155)}/n`);
    expect(read("star", "p".repeat(131))).toBe(`star ${"p".repeat(131)}/n`);
    expect(read("gnu", "00000000001\x0000000000001\0")).toBe("gnu n");
  });

  test("tarHeader reads the prefix that Go before 1.8 left in GNU headers", () => {
    parser.readBlock(header({ name: "n", prefix: "usr/share", format: "gnu" }), 0);
    expect(parser.name).toBe("usr/share/n");
  });

  test("tarHeader takes names that fill their fields", () => {
    parser.readBlock(header({ name: "n".repeat(100), linkname: "l".repeat(100), typeflag: "2" }), 0);
    expect(parser.name).toBe("n".repeat(100));
    expect(parser.linkName).toBe("l".repeat(100));
  });

  test("tarHeader parses a block in the core's own memory in place", () => {
    const at = core.memory.byteLength - 512;
    core.memory.set(header({ name: "inside", size: 7 }), at);
    const before = core.memory.slice(core.exports.TAR_INPUT.value, core.exports.TAR_INPUT.value + 512);
    expect(parser.readBlock(core.memory.subarray(at), 0)).toBe("header");
    expect([parser.name, parser.size]).toEqual(["inside", 7]);
    const after = core.memory.slice(core.exports.TAR_INPUT.value, core.exports.TAR_INPUT.value + 512);
    expect(after).toEqual(before);
  });

  test("readBlock refuses bytes that are not there", () => {
    expect(() => parser.readBlock(new Uint8Array(511), 0)).toThrow(RangeError);
    expect(() => parser.readBlock(new Uint8Array(1024), 513)).toThrow(RangeError);
  });

  describe("tarPaxNext", () => {
    const pax = new PaxParser(core);
    const kinds = (body: Uint8Array): string[] => {
      pax.start(body);
      const found: string[] = [];
      for (;;) {
        const kind = pax.next();
        found.push(kind);
        if (kind === "end" || kind === "malformed" || kind === "nul") return found;
      }
    };

    test("goes by declared lengths, whatever a value holds", () => {
      const value = Buffer.from("\n7 a=b\n\0=\u00ff", "latin1");
      const body = Buffer.concat([
        paxRecord("SCHILY.xattr.user.a", value),
        paxRecord("path", "p"),
        paxRecord("comment", "c"),
      ]);
      pax.start(body);
      expect(pax.next()).toBe("xattr");
      expect(pax.key).toBe("user.a");
      expect(Buffer.from(pax.bytes)).toEqual(value);
      expect(pax.next()).toBe("path");
      expect(pax.text).toBe("p");
      expect(pax.next()).toBe("end");
      expect(pax.next()).toBe("end");
    });

    test("splits at the first equals sign of the record", () => {
      pax.start(paxRecord("SCHILY.xattr.user.a", "b=c"));
      pax.next();
      expect([pax.key, pax.text]).toEqual(["user.a", "b=c"]);
    });

    test.each([
      ["no length", "path=x\n"],
      ["a length past the end", "11 path=xx\n".replace("11", "12")],
      ["a length that ends early", "9 path=xx\n"],
      ["a length of nothing", "3 \n"],
      ["zero", "0 path=x\n"],
      ["a negative length", "-9 path=x\n"],
      ["a signed length", "+9 path=x\n"],
      ["no space", "9path=xxx\n"],
      ["no equals sign", "8 pathx\n"],
      ["no key", "6 =ab\n"],
      ["no newline", "9 path=xx"],
      ["a length that overflows", "99999999999999999999 path=x\n"],
      ["a length that wraps 32 bits", "4294967306 path=x\n"],
      ["junk after the last record", "8 path=\n\0\0"],
      ["only digits", "12345"],
    ])("says malformed to %s", (_, body) => {
      expect(kinds(Buffer.from(body, "latin1")).at(-1)).toBe("malformed");
    });

    test("says nul to a NUL in a key or in a name", () => {
      for (const key of ["path", "linkpath", "uname", "gname", "GNU.sparse.name"]) {
        expect(kinds(paxRecord(key, "a\0b"))).toEqual(["nul"]);
      }
      expect(kinds(paxRecord("SCHILY.xattr.a\0", "b"))).toEqual(["nul"]);
      expect(kinds(paxRecord("comment", "a\0b"))).toEqual(["end"]);
    });

    test.each([
      ["0", 0n],
      ["1", 1_000_000_000n],
      ["1.", 1_000_000_000n],
      ["1.5", 1_500_000_000n],
      ["1.000000001", 1_000_000_001n],
      ["1.0000000019", 1_000_000_001n],
      ["-1.5", -1_500_000_000n],
      ["-0.000000001", -1n],
      ["1700000000.123456789", 1_700_000_000_123_456_789n],
      ["9007199254740991.999999999", 9_007_199_254_740_991_999_999_999n],
    ])("reads the time %s to the nanosecond", (text, ns) => {
      pax.start(paxRecord("mtime", text));
      expect(pax.next()).toBe("mtime");
      expect(BigInt(pax.number) * 1_000_000_000n + BigInt(pax.nanoseconds)).toBe(ns);
    });

    test.each(["", ".5", "1e3", "1.x", "-", "+1", "0x1", " 1", "1 ", "1.-5"])(
      "reads the time %j as no number",
      (text) => {
        pax.start(paxRecord("mtime", text));
        pax.next();
        expect(pax.number).toBeNaN();
      },
    );

    test("ignores keys that only begin or end like known ones", () => {
      const keys = ["paths", "pat", "sizes", "SCHILY.xattr", "GNU.sparse.", "GNU.sparse.sizes", "Path", "x"];
      expect(kinds(Buffer.concat(keys.map((key) => paxRecord(key, "1"))))).toEqual(["end"]);
    });
  });

  test("tarDecimals goes on with a number that a border cut", () => {
    const text = Buffer.from("12,345,9007199254740991,9007199254740992,0,");
    for (let cut = 1; cut < text.length; cut++) {
      const state = { carry: 0, digits: 0 };
      const found: number[] = [];
      for (const part of [text.subarray(0, cut), text.subarray(cut)]) {
        expect(parser.readDecimals(part, ",", 100, state)).toBe(part.length);
        for (let index = 0; index < parser.tableCount; index++) found.push(parser.tableAt(index));
      }
      expect(found).toEqual([12, 345, 9007199254740991, Infinity, 0]);
    }
  });

  test.each(["1,,2,", ",1", "1x,", "-1,", " 1,"])("tarDecimals refuses %j", (text) => {
    expect(parser.readDecimals(Buffer.from(text), ",", 100, { carry: 0, digits: 0 })).toBe(-1);
  });
});
