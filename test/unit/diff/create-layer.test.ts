import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLayer, type CreatedLayer, type CreateOptions } from "../../../driver/diff/create-layer.ts";
import type { DiffKind } from "../../../driver/diff/changes.ts";
import type { Compression } from "../../../driver/oci/compression.ts";
import { removeTree } from "../../../driver/sys/remove-tree.ts";
import { createCore } from "../../../driver/wasm/core.ts";
import { Gunzip } from "../../../driver/wasm/gunzip.ts";
import { readEntries } from "../../suites/layer-model.ts";

let dir: string;
let upperDir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "create-layer-"));
  upperDir = join(dir, "upper");
  mkdirSync(upperDir);
});

afterEach(() => {
  removeTree(dir);
});

interface Made extends CreatedLayer {
  readonly blob: Buffer;
}

async function make(
  compression: Compression,
  options: CreateOptions & { kind?: DiffKind; sourceDateEpoch?: bigint } = {},
): Promise<Made> {
  const ingestPath = join(dir, "blob");
  writeFileSync(ingestPath, "");
  const { kind = { type: "trees", lowerDir: null, upperDir }, sourceDateEpoch } = options;
  const layer = await createLayer({ what: "layer of a test", kind, compression, ingestPath, sourceDateEpoch }, options);
  return { ...layer, blob: readFileSync(ingestPath) };
}

/** Some megabytes, neither all alike nor all different. */
function fill(): void {
  const words = Array.from({ length: 500 }, () => randomBytes(12).toString("base64"));
  const text = Array.from({ length: 300_000 }, () => words[Math.floor(Math.random() ** 2 * 500)]).join(" ");
  writeFileSync(join(upperDir, "text"), text);
  writeFileSync(join(upperDir, "noise"), randomBytes(3_000_000));
  writeFileSync(join(upperDir, "zeros"), Buffer.alloc(5_000_000));
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function gunzipInCore(blob: Uint8Array): Buffer {
  const parts: Buffer[] = [];
  const gunzip = new Gunzip(createCore(), (bytes) => void parts.push(Buffer.from(bytes)));
  gunzip.push(blob);
  expect(gunzip.end()).toMatchObject({ members: 1, trailingBytes: 0 });
  return Buffer.concat(parts);
}

describe("createLayer", () => {
  it("makes the same gzip on 1, 2 and 4 threads, which both decoders read", { timeout: 120_000 }, async () => {
    fill();
    const [one, two, four] = [
      await make("gzip", { threads: 1 }),
      await make("gzip", { threads: 2 }),
      await make("gzip", { threads: 4 }),
    ];
    expect(two).toEqual(one);
    expect(four).toEqual(one);
    const tar = gunzipSync(one.blob);
    expect(gunzipInCore(one.blob).equals(tar)).toBe(true);
    expect(one).toMatchObject({
      diffId: sha256(tar),
      digest: sha256(one.blob),
      sizeBytes: one.blob.length,
      uncompressedBytes: tar.length,
      changes: 4,
      warnings: [],
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    });
    expect(one.blob.subarray(0, 10).toString("hex")).toBe("1f8b08000000000000ff");
    const entries = readEntries(tar);
    expect(entries.map(({ entry }) => entry.path)).toEqual(["", "noise", "text", "zeros"]);
    for (const { entry, data } of entries.slice(1)) {
      expect(readFileSync(join(upperDir, entry.path)).equals(data)).toBe(true);
    }
  });

  it("makes the same zstd on 1 and 3 threads, and the tar that gzip and none hold", { timeout: 120_000 }, async () => {
    fill();
    const one = await make("zstd", { threads: 1 });
    expect(await make("zstd", { threads: 3 })).toEqual(one);
    const plain = await make("none");
    expect(one.diffId).toBe(plain.diffId);
    expect(plain.digest).toBe(plain.diffId);
    expect(plain.blob).toHaveLength(plain.uncompressedBytes);
    expect(readFrames(one.blob).equals(plain.blob)).toBe(true);
    expect((await make("gzip", { engine: "wasm" })).diffId).toBe(plain.diffId);
  });

  it("is two blocks of zeros when nothing has changed", async () => {
    const kind = { type: "trees", lowerDir: upperDir, upperDir } as const;
    const layer = await make("none", { kind });
    expect(layer.blob.equals(Buffer.alloc(1024))).toBe(true);
    expect(layer).toMatchObject({ changes: 0, usage: { inodes: 1, sizeBytes: 4096 } });
    expect(layer.diffId).toBe("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
  });

  it("holds mtimes down to the given second", async () => {
    writeFileSync(join(upperDir, "new"), "");
    const { blob } = await make("none", { sourceDateEpoch: 1_000_000_000n });
    expect(readEntries(blob).map(({ entry }) => entry.mtimeNs)).toEqual([10n ** 18n, 10n ** 18n]);
  });

  it("says no to a name that means a deletion", async () => {
    writeFileSync(join(upperDir, ".wh.passwd"), "");
    await expect(make("none")).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
      message:
        'cannot create layer of a test: cannot pack ".wh.passwd": a name that begins with .wh. means a deletion in a layer',
    });
  });

  it("names what cannot be opened and what is not there", async () => {
    const kind = { type: "trees", lowerDir: null, upperDir: join(dir, "nowhere") } as const;
    await expect(make("gzip", { kind })).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  });

  it("stops when asked to, and says so", { timeout: 120_000 }, async () => {
    writeFileSync(join(upperDir, "huge"), "");
    truncateSync(join(upperDir, "huge"), 2 ** 36);
    const controller = new AbortController();
    const made = make("gzip", { signal: controller.signal });
    setTimeout(() => {
      controller.abort(new Error("enough"));
    }, 1500);
    await expect(made).rejects.toThrow("enough");
  });

  it("counts a hole as zeros", async () => {
    writeFileSync(join(upperDir, "sparse"), "head");
    truncateSync(join(upperDir, "sparse"), 3_000_001);
    const entry = readEntries((await make("none")).blob)[1];
    expect(Buffer.from(entry?.data ?? []).equals(Buffer.concat([Buffer.from("head"), Buffer.alloc(2_999_997)]))).toBe(
      true,
    );
  });

  it("keeps modes and link targets", async () => {
    writeFileSync(join(upperDir, "tool"), "");
    chmodSync(join(upperDir, "tool"), 0o4755);
    symlinkSync("../tool", join(upperDir, "alias"));
    const entries = readEntries((await make("none")).blob).map(({ entry }) => entry);
    expect(entries[1]).toMatchObject({ type: "symlink", path: "alias", linkTarget: "../tool" });
    expect(entries[2]).toMatchObject({ type: "file", path: "tool", mode: 0o4755 });
  });
});

/** node:zlib decodes one frame at a time. */
function readFrames(blob: Buffer): Buffer {
  const magic = Buffer.from("28b52ffd", "hex");
  const starts: number[] = [];
  const parts: Buffer[] = [];
  for (let start = 0; start >= 0; start = blob.indexOf(magic, start + 1)) starts.push(start);
  let first = 0;
  for (let index = 1; index <= starts.length; index++) {
    try {
      parts.push(zstdDecompressSync(blob.subarray(starts[first], starts[index] ?? blob.length)));
      first = index;
    } catch {
      // The magic number stood inside a frame.
    }
  }
  expect(first).toBe(starts.length);
  return Buffer.concat(parts);
}
