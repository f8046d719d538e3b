import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasCode } from "../../../driver/base/errors.ts";
import { LayerPool, type LayerOrder } from "../../../driver/layer/layer-pool.ts";
import { type LayerLimits, defaultLayerLimits } from "../../../driver/layer/tasks.ts";
import { sha256 } from "../../fixtures/image-builder.ts";
import { tar } from "../../fixtures/tar-builder.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "laminate-test-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function orderFor(layer: Uint8Array, stored: Uint8Array = gzipSync(layer)): Promise<LayerOrder> {
  const path = join(folder, "blob");
  await writeFile(path, Buffer.concat([Buffer.alloc(5), stored, Buffer.alloc(3)]));
  await mkdir(join(folder, "staging", "fs"), { recursive: true });
  await writeFile(join(folder, "ingest"), "");
  return {
    what: "layer x",
    file: { path, offsetBytes: 5, sizeBytes: stored.length },
    expectedDigest: sha256(stored),
    expectedDiffId: sha256(layer),
    stagingDir: join(folder, "staging"),
    ingestPath: join(folder, "ingest"),
    redirects: [],
  };
}

function openPool(engine: "wasm" | "native", limits: Partial<LayerLimits> = {}): LayerPool {
  return new LayerPool({ engine, limits: { ...defaultLayerLimits, ...limits }, threads: 1 });
}

describe("LayerPool.apply", () => {
  for (const engine of ["wasm", "native"] as const) {
    it(`keeps, proves and extracts a layer in one pass with ${engine} digests`, async () => {
      await using pool = openPool(engine);
      const layer = tar([{ path: "a/b", data: "content" }]);
      const order = await orderFor(layer);
      const applied = await pool.apply(order);
      expect(applied).toMatchObject({ digest: order.expectedDigest, diffId: order.expectedDiffId });
      expect(applied.sizeBytes).toBe(order.file.sizeBytes);
      expect(applied.uncompressedBytes).toBe(layer.length);
      expect(sha256(await readFile(join(folder, "ingest")))).toBe(order.expectedDigest);
      expect(await readFile(join(folder, "staging/fs/a/b"), "utf8")).toBe("content");
    });
  }

  it("verifies without extracting when there is no staging directory", async () => {
    await using pool = openPool("native");
    const order = await orderFor(tar([{ path: "a", data: "content" }]));
    const applied = await pool.apply({ ...order, stagingDir: null });
    expect(applied.usage).toEqual({ inodes: 0, sizeBytes: 0 });
  });

  it("names the layer and both digests when the stored bytes are not the expected ones", async () => {
    await using pool = openPool("native");
    const order = await orderFor(tar([{ path: "a", data: "content" }]));
    const wrong = sha256(Buffer.from("wrong"));
    for (const changed of [{ expectedDigest: wrong }, { expectedDiffId: wrong }]) {
      const failure = pool.apply({ ...order, stagingDir: null, ...changed });
      await expect(failure).rejects.toMatchObject({ code: "ERR_DATA_LOSS", details: { expected: wrong } });
      await expect(failure).rejects.toThrow(/layer x/);
    }
  });

  it("stops at its limits and says which", async () => {
    const layer = tar([
      { path: "a", data: "content" },
      { path: "b", data: "content" },
    ]);
    const limits: readonly [Partial<LayerLimits>, RegExp][] = [
      [{ maxEntries: 1 }, /maxEntries/],
      [{ maxBytes: 10 }, /maxBytes/],
    ];
    for (const [limit, message] of limits) {
      await using pool = openPool("native", limit);
      const order = await orderFor(layer);
      await expect(pool.apply(order)).rejects.toThrow(message);
      await expect(pool.apply(order)).rejects.toSatisfy((error) => hasCode(error, "ERR_RESOURCE_EXHAUSTED"));
      await rm(join(folder, "staging"), { recursive: true });
    }
  });

  it("refuses a layer that inflates beyond the ratio", { timeout: 120_000 }, async () => {
    await using pool = openPool("native", { maxRatio: 100 });
    // Members of a gibibyte and more of zeros, a thousand to one each.
    const member = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const stored = Buffer.concat([gzipSync(tar([{ path: "a" }])), ...Array.from({ length: 20 }, () => member)]);
    const order = await orderFor(tar([]), stored);
    await expect(pool.apply({ ...order, ingestPath: null })).rejects.toThrow(/maxRatio/);
  });

  it("fails a file that is shorter than its order, a FIFO, and one that is not there", async () => {
    await using pool = openPool("native");
    const order = await orderFor(tar([{ path: "a" }]));
    const long = { ...order, file: { ...order.file, sizeBytes: order.file.sizeBytes + 100 }, stagingDir: null };
    await expect(pool.apply(long)).rejects.toSatisfy((error) => hasCode(error, "ERR_DATA_LOSS"));
    execFileSync("mkfifo", [join(folder, "fifo")]);
    const fifo = { ...order, file: { ...order.file, path: join(folder, "fifo") }, stagingDir: null };
    await expect(pool.apply(fifo)).rejects.toThrow(/layer x/);
    const absent = { ...order, file: { ...order.file, path: join(folder, "absent") }, stagingDir: null };
    await expect(pool.apply(absent)).rejects.toSatisfy((error) => hasCode(error, "ERR_NOT_FOUND"));
  });

  it("gives up soon after its signal aborts", async () => {
    await using pool = openPool("native");
    const layer = tar([{ path: "a", data: Buffer.alloc(32 * 1024 * 1024, "x") }]);
    const order = await orderFor(layer, layer);
    const abort = new AbortController();
    const work = pool.apply({ ...order, stagingDir: null }, { signal: abort.signal });
    abort.abort();
    await expect(work).rejects.toThrow(/abort/);
  });
});
