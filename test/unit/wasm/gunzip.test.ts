import { createHash, randomBytes } from "node:crypto";
import zlib from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Core, compileCore, createCore } from "../../../driver/wasm/core.ts";
import { Gunzip, type GunzipOptions, type GunzipSummary, ratioFloorBytes } from "../../../driver/wasm/gunzip.ts";
import { createWasmSha256 } from "../../../driver/wasm/sha256.ts";
import { compressions, corpus, wordy } from "../core-wasm/corpus.ts";
import { type MemberFields, gzipMember } from "./gzip-member.ts";

type Result = GunzipSummary & { readonly output: Buffer };

function gunzip(core: Core, bytes: Uint8Array, part = Infinity, options: GunzipOptions = {}): Result {
  const output: Buffer[] = [];
  const stream = new Gunzip(core, (view) => output.push(Buffer.from(view)), options);
  for (let at = 0; at < bytes.byteLength; at += part) stream.push(bytes.subarray(at, at + part));
  const summary = stream.end();
  return { ...summary, output: Buffer.concat(output) };
}

const failure = (code: string, text: string): Error =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as string }) as Error;

const hello = Buffer.from("hello, hello, hello");

describe.each(["simd", "plain"] as const)("Gunzip (%s)", (build) => {
  const core = createCore(compileCore(build));

  it("gives back every kind of input, and counts it", () => {
    for (const bytes of Object.values(corpus)) {
      for (const options of Object.values(compressions)) {
        const compressed = zlib.gzipSync(bytes, options);
        const { output, ...summary } = gunzip(core, compressed, 50_000);
        expect(output.equals(bytes)).toBe(true);
        expect(summary).toEqual({
          members: 1,
          inputBytes: compressed.byteLength,
          outputBytes: bytes.byteLength,
          trailingBytes: 0,
        });
      }
    }
  });

  it.each(["native", "wasm"] as const)("checks CRCs with the %s engine over members and windows", (crcEngine) => {
    const parts = [corpus["words"], corpus["zeros"], hello, corpus["empty"], corpus["program"]];
    const members = parts.map((bytes) => zlib.gzipSync(bytes ?? Buffer.of()));
    for (const part of [Infinity, 3001]) {
      const { output, members: count } = gunzip(core, Buffer.concat(members), part, { crcEngine });
      expect(count).toBe(5);
      expect(output.equals(Buffer.concat(parts.map((bytes) => bytes ?? Buffer.of())))).toBe(true);
    }
    const wrong = Buffer.concat([...members.slice(0, 4), gzipMember(hello, { crc: 1 })]);
    expect(() => gunzip(core, wrong, 3001, { crcEngine })).toThrow(failure("ERR_DATA_LOSS", "CRC does not match"));
  });

  const headers: Readonly<Record<string, MemberFields>> = {
    plain: {},
    "extra field": { extra: randomBytes(300) },
    "empty extra field": { extra: Buffer.of() },
    "longest extra field": { extra: Buffer.alloc(65535, 1) },
    name: { name: "layer.tar" },
    "empty name and comment": { name: "", comment: "" },
    "header CRC": { headerCrc: true },
    "text flag": { flags: 1 },
    everything: { flags: 1, extra: randomBytes(9), name: "a", comment: "b".repeat(9000), headerCrc: true },
  };
  it.each(Object.entries(headers))("reads a header with %s", (_, fields) => {
    const member = gzipMember(hello, fields);
    expect(zlib.gunzipSync(member)).toEqual(hello);
    for (const part of [Infinity, 1, 7]) {
      expect(gunzip(core, Buffer.concat([member, member]), part)).toMatchObject({
        members: 2,
        output: Buffer.concat([hello, hello]),
      });
    }
  });

  const broken: Readonly<Record<string, readonly [Buffer, string]>> = {
    "another magic": [Buffer.from("PK\u0003\u0004 and so on and on"), "not a gzip stream"],
    "half the magic": [Buffer.from([0x1f, 0x8a, 8, 0, 0, 0, 0, 0, 0, 0]), "not a gzip stream"],
    "method 7": [gzipMember(hello, { method: 7 }), "unknown compression method"],
    "reserved flag 0x20": [gzipMember(hello, { flags: 0x20 }), "reserved header flags"],
    "reserved flag 0x80": [gzipMember(hello, { flags: 0x80 }), "reserved header flags"],
    "a wrong header CRC": [gzipMember(hello, { name: "x", headerCrc: 0x1234 }), "header CRC"],
    "a wrong CRC": [gzipMember(hello, { crc: 0x12345678 }), "CRC does not match"],
    "a wrong length": [gzipMember(hello, { length: 18 }), "length in the trailer"],
    "a second member broken": [
      Buffer.concat([gzipMember(hello), gzipMember(hello, { method: 9 })]),
      "unknown compression method",
    ],
    "a match into the member before": [
      Buffer.concat([
        gzipMember(hello),
        Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0),
        zlib.deflateRawSync(hello, { dictionary: hello }),
        gzipMember(hello).subarray(-8),
      ]),
      "distance",
    ],
  };
  it.each(Object.entries(broken))("rejects %s, as zlib does", (_, [bytes, reason]) => {
    expect(() => zlib.gunzipSync(bytes)).toThrow();
    for (const part of [Infinity, 1]) {
      expect(() => gunzip(core, bytes, part)).toThrow(failure("ERR_DATA_LOSS", reason));
    }
  });

  it("rejects a match into the member before after the output has moved on, as zlib does", () => {
    // The first member ends shortly before some multiple of the output's size; the match follows shortly after it.
    const before = randomBytes(4000);
    const tail = gzipMember(hello).subarray(-8);
    const fresh = randomBytes(3000);
    const reaching = Buffer.concat([
      Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0),
      zlib.deflateRawSync(Buffer.concat([fresh, before]), { dictionary: before }),
      tail,
    ]);
    for (let size = 64 * 1024; size <= 1024 * 1024; size += 64 * 1024) {
      const bytes = Buffer.concat([zlib.gzipSync(Buffer.concat([Buffer.alloc(size - 6000), before])), reaching]);
      expect(() => zlib.gunzipSync(bytes)).toThrow("too far back");
      expect(() => gunzip(core, bytes)).toThrow(failure("ERR_DATA_LOSS", "distance"));
    }
  });

  it("accepts a wrong CRC when told not to verify it, but not a wrong length", () => {
    const options = { verifyCrc: false };
    expect(gunzip(core, gzipMember(hello, { crc: 1 }), 5, options).output).toEqual(hello);
    expect(() => gunzip(core, gzipMember(hello, { length: 1 }), 5, options)).toThrow(
      failure("ERR_DATA_LOSS", "length"),
    );
  });

  it("rejects every truncation", () => {
    const members = [gzipMember(hello, { name: "n", extra: hello, headerCrc: true }), zlib.gzipSync(wordy(400))];
    const bytes = Buffer.concat(members);
    const boundary = members[0]?.byteLength ?? 0;
    for (let length = 0; length < bytes.byteLength; length++) {
      // Up to one byte past a member the stream is whole: that byte may be anything.
      if (length === boundary || length === boundary + 1) continue;
      const truncated = bytes.subarray(0, length);
      expect(() => gunzip(core, truncated)).toThrow(failure("ERR_DATA_LOSS", "unexpected end of input"));
      expect(() => gunzip(core, truncated, 1)).toThrow(failure("ERR_DATA_LOSS", "unexpected end of input"));
    }
  });

  it.each([
    ["zeros", Buffer.alloc(5000)],
    ["garbage", Buffer.from("not gzip at all")],
    ["zeros, then a member", Buffer.concat([Buffer.alloc(3), gzipMember(hello)])],
    ["one byte", Buffer.of(7)],
    ["the first magic byte", Buffer.of(0x1f)],
    ["the first magic byte, then another", Buffer.from([0x1f, 0x8a, 0x1f, 0x8b])],
  ])("tolerates and counts trailing %s", (_, trailing) => {
    const bytes = Buffer.concat([gzipMember(hello), gzipMember(hello), trailing]);
    for (const part of [Infinity, 1, 2, 11]) {
      expect(gunzip(core, bytes, part)).toEqual({
        members: 2,
        inputBytes: bytes.byteLength,
        outputBytes: 2 * hello.byteLength,
        trailingBytes: trailing.byteLength,
        output: Buffer.concat([hello, hello]),
      });
    }
  });

  it("reads a million empty members in linear time and flat stack", () => {
    const empty = gzipMember(Buffer.of());
    const bytes = Buffer.concat(Array.from({ length: 1_000_000 }, () => empty));
    expect(gunzip(core, bytes)).toMatchObject({ members: 1_000_000, outputBytes: 0, trailingBytes: 0 });
  }, 30_000);

  it("agrees with zlib on members of all sizes, compressions and cuts", () => {
    const member = fc
      .tuple(fc.integer({ min: 0, max: 70_000 }), fc.constantFrom(...Object.values(compressions)))
      .map(([length, options]) => zlib.gzipSync(wordy(length, length), options));
    fc.assert(
      fc.property(
        fc.array(member, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 9999 }),
        (members, part) => {
          const bytes = Buffer.concat(members);
          expect(gunzip(core, bytes, part).output.equals(zlib.gunzipSync(bytes))).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("decodes input that was put straight into its view", () => {
    const bytes = zlib.gzipSync(corpus["program"] ?? Buffer.of());
    const hasher = createWasmSha256(core);
    const compressedHasher = createWasmSha256(core);
    const stream = new Gunzip(core, (view) => {
      hasher.update(view);
    });
    const input = stream.inputView();
    for (let at = 0; at < bytes.byteLength; at += input.byteLength) {
      const length = bytes.copy(input, 0, at, at + input.byteLength);
      compressedHasher.update(input.subarray(0, length));
      stream.push(input.subarray(0, length));
    }
    stream.end();
    const digest = (of: Uint8Array): string => `sha256:${createHash("sha256").update(of).digest("hex")}`;
    expect(hasher.digest()).toBe(digest(corpus["program"] ?? Buffer.of()));
    expect(compressedHasher.digest()).toBe(digest(bytes));
  });

  it("stops a bomb at its output limit, having handed on no more than that", () => {
    const bomb = zlib.gzipSync(Buffer.alloc(50_000_000));
    let delivered = 0;
    const stream = new Gunzip(core, (view) => (delivered += view.byteLength), { maxOutputBytes: 10_000_000 });
    expect(() => {
      stream.push(bomb);
    }).toThrow(failure("ERR_RESOURCE_EXHAUSTED", "more than 10000000 bytes"));
    expect(delivered).toBeLessThanOrEqual(10_000_000);
    expect(gunzip(core, bomb, 999, { maxOutputBytes: 50_000_000 }).outputBytes).toBe(50_000_000);
    expect(() => gunzip(core, bomb, 999, { maxOutputBytes: 49_999_999 })).toThrow(
      failure("ERR_RESOURCE_EXHAUSTED", "49999999"),
    );
  });

  it("stops a bomb at its ratio, above the floor only", () => {
    const bomb = zlib.gzipSync(Buffer.alloc(50_000_000));
    expect(() => gunzip(core, bomb, 999, { maxRatio: 200 })).toThrow(failure("ERR_RESOURCE_EXHAUSTED", "200 times"));
    expect(gunzip(core, bomb, 999, { maxRatio: 1100 }).outputBytes).toBe(50_000_000);
    const small = zlib.gzipSync(Buffer.alloc(ratioFloorBytes));
    expect(gunzip(core, small, 999, { maxRatio: 2 }).outputBytes).toBe(ratioFloorBytes);
  });

  it("is unusable after an error, after a throw of the sink, after the end and while at work", () => {
    const refused = failure("ERR_FAILED_PRECONDITION", "cannot gunzip");
    const bytes = zlib.gzipSync(Buffer.alloc(2_000_000));
    const failed = new Gunzip(core, () => undefined);
    expect(() => {
      failed.push(Buffer.from("no gzip"));
    }).toThrow(failure("ERR_DATA_LOSS", "not a gzip stream"));
    const stopped = new Gunzip(core, () => {
      throw new Error("disk full");
    });
    expect(() => {
      stopped.push(bytes);
    }).toThrow("disk full");
    const nested: Gunzip = new Gunzip(core, () => {
      nested.push(bytes);
    });
    expect(() => {
      nested.push(bytes);
    }).toThrow(refused);
    const ended = new Gunzip(core, () => undefined);
    ended.push(bytes);
    ended.end();
    for (const stream of [failed, stopped, nested, ended]) {
      expect(() => {
        stream.push(bytes);
      }).toThrow(refused);
      expect(() => stream.end()).toThrow(refused);
    }
  });

  it("fails, rather than mixing streams, when another takes its core", () => {
    const first = new Gunzip(core, () => undefined);
    first.push(zlib.gzipSync(hello).subarray(0, 12));
    expect(gunzip(core, zlib.gzipSync(hello)).output).toEqual(hello);
    expect(() => {
      first.push(hello);
    }).toThrow(failure("ERR_FAILED_PRECONDITION", "another stream"));
  });
});
