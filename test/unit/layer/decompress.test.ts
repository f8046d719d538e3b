import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { hasCode } from "../../../driver/base/errors.ts";
import { compressionOf, createDecompressor } from "../../../driver/layer/decompress.ts";
import { sha256 } from "../../fixtures/image-builder.ts";
import { createCore } from "../../../driver/wasm/core.ts";

async function through(stored: Uint8Array, cutBytes = stored.length): Promise<string> {
  const out: Buffer[] = [];
  const decompressor = createDecompressor(compressionOf(stored, "layer x"), createCore(), "layer x", (bytes) => {
    out.push(Buffer.from(bytes));
  });
  try {
    for (let at = 0; at < stored.length; at += cutBytes) await decompressor.push(stored.subarray(at, at + cutBytes));
    await decompressor.end();
  } finally {
    decompressor.close();
  }
  return Buffer.concat(out).toString("latin1");
}

const text = "layers all the way down ".repeat(5000);
const incompressible = Buffer.from(Array.from({ length: 2000 }, (_, at) => (at * at * 7919) & 0xff));
const frame = zstdCompressSync(text);
const skippable = Buffer.concat([Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from("abcd")]);

describe("createDecompressor", () => {
  const whole: Readonly<Record<string, [stored: Uint8Array, tar: string]>> = {
    "bytes that are not compressed": [Buffer.from(text), text],
    "one gzip member": [gzipSync(text), text],
    "several gzip members": [Buffer.concat([gzipSync("one "), gzipSync(""), gzipSync("two")]), "one two"],
    "one zstd frame": [frame, text],
    "several zstd frames with skippable ones around them": [
      Buffer.concat([skippable, frame, skippable, zstdCompressSync("end"), skippable]),
      `${text}end`,
    ],
    "zstd frames of raw, repeated and no blocks": [
      Buffer.concat([
        zstdCompressSync(incompressible),
        zstdCompressSync(Buffer.alloc(300_000)),
        zstdCompressSync(""),
        zstdCompressSync(incompressible),
      ]),
      `${incompressible.toString("latin1")}${"\0".repeat(300_000)}${incompressible.toString("latin1")}`,
    ],
    "a zstd frame with a checksum": [zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }), text],
  };
  for (const [what, [stored, expected]] of Object.entries(whole)) {
    it(`passes on ${what}, however it is cut`, async () => {
      for (const cut of [1, 2, 3, 5, 7, 13, 1000, stored.length]) {
        expect(sha256(Buffer.from(await through(stored, cut)))).toBe(sha256(Buffer.from(expected)));
      }
    });
  }

  const broken: Readonly<Record<string, Uint8Array>> = {
    "a gzip stream cut short": gzipSync(text).subarray(0, -9),
    "a zstd frame cut short": frame.subarray(0, -3),
    "garbage after a zstd frame": Buffer.concat([frame, Buffer.from("garbage!")]),
    "a damaged zstd frame": Buffer.concat([frame.subarray(0, 20), Buffer.alloc(frame.length - 20, 0xff)]),
  };
  for (const [what, stored] of Object.entries(broken)) {
    it(`refuses ${what} as data loss, however it is cut`, async () => {
      for (const cut of [1, 1000, stored.length]) {
        const outcome = await through(stored, cut).then(
          () => "no error",
          (error: unknown) => (hasCode(error, "ERR_DATA_LOSS") ? "data loss" : String(error)),
        );
        expect(outcome).toBe("data loss");
      }
    });
  }

  it("hands on what the receiver of the bytes throws, and then stops", async () => {
    for (const stored of [Buffer.from(text), gzipSync(text), frame]) {
      const decompressor = createDecompressor(compressionOf(stored, "x"), createCore(), "x", () => {
        throw new RangeError("enough");
      });
      const work = async (): Promise<void> => {
        await decompressor.push(stored);
        await decompressor.end();
      };
      await expect(work()).rejects.toThrow("enough");
      decompressor.close();
    }
  });
});

describe("compressionOf", () => {
  it("names what it cannot open", () => {
    const xz = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
    expect(() => compressionOf(xz, "layer x")).toThrow(/layer x: it is xz/);
    expect(() => compressionOf(Buffer.from("BZh91AY"), "layer x")).toThrow(/bzip2/);
  });
});
