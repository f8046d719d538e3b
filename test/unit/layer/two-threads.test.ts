import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asStorageError } from "../../../driver/base/errors.ts";
import { LayerPool, type LayerOrder } from "../../../driver/layer/layer-pool.ts";
import { TarRing } from "../../../driver/layer/tar-ring.ts";
import { defaultLayerLimits } from "../../../driver/layer/tasks.ts";
import { sha256 } from "../../fixtures/image-builder.ts";
import { header, tar, type EntrySpec } from "../../fixtures/tar-builder.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** More than the ring holds, in files of every size that matters to its blocks. */
const files: readonly EntrySpec[] = [0, 1, 511, 512, 262_143, 262_144, 262_145, 3_000_000, 5_000_001].map(
  (size, at) => ({ path: `files/${at}`, data: randomBytes(size), xattrs: { "user.at": String(at) }, mode: 0o640 }),
);
const many: readonly EntrySpec[] = Array.from({ length: 30_000 }, (_, at) => ({ path: `many/${at}` }));
const layer = tar([...files]);
const wrong = sha256(Buffer.from("wrong"));

interface Case {
  readonly stored: Buffer;
  readonly changed?: Partial<LayerOrder>;
  readonly failsWith?: RegExp;
}

const cases: Readonly<Record<string, Case>> = {
  "a layer of gzip": { stored: gzipSync(layer, { level: 1 }) },
  "a layer of zstd": { stored: zstdCompressSync(layer) },
  "a plain layer": { stored: layer },
  "a layer of many entries": { stored: gzipSync(tar(many.slice(0, 500))) },
  "a layer without entries": { stored: gzipSync(tar([])) },
  "gzip that is cut short": {
    stored: gzipSync(layer, { level: 1 }).subarray(0, -20_000),
    failsWith: /^cannot apply layer x: .*unexpected end/,
  },
  "a tar that is cut short": {
    stored: gzipSync(layer.subarray(0, -3_000_000), { level: 1 }),
    failsWith: /it ends at byte/,
  },
  "bytes that are not the expected ones": {
    stored: gzipSync(layer, { level: 1 }),
    changed: { expectedDigest: wrong },
    failsWith: /^cannot trust layer x: digest is/,
  },
  "content that is not the expected one": {
    stored: gzipSync(layer, { level: 1 }),
    changed: { expectedDiffId: wrong },
    failsWith: /diffID of layer x: digest is/,
  },
  "a name that leads outside, at the end": {
    stored: gzipSync(Buffer.concat([tar([...files]).subarray(0, -1024), header({ name: "../evil", size: 0 })])),
    failsWith: /evil/,
  },
  "a name that leads outside, at the start, of other bytes than expected": {
    stored: gzipSync(Buffer.concat([header({ name: "../evil", size: 0 }), layer]), { level: 1 }),
    changed: { expectedDigest: wrong },
    failsWith: /^cannot trust layer x: digest is/,
  },
  "more entries than are allowed, with much behind them": {
    stored: gzipSync(tar([...many, ...files]), { level: 1 }),
    failsWith: /maxEntries/,
  },
  "a file that is not there": {
    stored: layer,
    changed: { file: { path: "/nowhere/at/all", offsetBytes: 0, sizeBytes: layer.length } },
    failsWith: /no such file/,
  },
};

async function outcomeOf(threads: 1 | 2, name: string, { stored, changed = {} }: Case): Promise<unknown> {
  const limits = { ...defaultLayerLimits, maxEntries: 20_000 };
  await using pool = new LayerPool({ engine: "native", limits, threads, urgentFromBytes: 0 });
  const place = join(folder, `${name} on ${threads}`);
  mkdirSync(join(place, "fs"), { recursive: true });
  writeFileSync(join(place, "blob"), stored);
  writeFileSync(join(place, "ingest"), "");
  const order: LayerOrder = {
    what: "layer x",
    file: { path: join(place, "blob"), offsetBytes: 0, sizeBytes: stored.length },
    expectedDigest: sha256(stored),
    expectedDiffId: null,
    stagingDir: place,
    ingestPath: join(place, "ingest"),
    redirects: [],
    ...changed,
  };
  try {
    const applied = await pool.apply(order, { isUrgent: true });
    expect(readFileSync(join(place, "ingest")).equals(stored)).toBe(true);
    return applied;
  } catch (error) {
    const { code, message } = asStorageError(error);
    return { code, message };
  }
}

describe("LayerPool.apply of an urgent layer", () => {
  it.each(Object.entries(cases))("says and does of %s on two threads what it does on one", async (name, each) => {
    const one = await outcomeOf(1, name, each);
    expect(await outcomeOf(2, name, each)).toEqual(one);
    if (each.failsWith !== undefined) {
      expect(one).toMatchObject({ message: expect.stringMatching(each.failsWith) as string });
      return;
    }
    expect(one).toHaveProperty("diffId");
    execFileSync("diff", ["-r", join(folder, `${name} on 1`, "fs"), join(folder, `${name} on 2`, "fs")]);
  });

  it("is given up by both threads when its signal aborts, and the pool goes on", { timeout: 60_000 }, async () => {
    await using pool = new LayerPool({ engine: "native", limits: defaultLayerLimits, threads: 2, urgentFromBytes: 0 });
    const place = join(folder, "aborted");
    mkdirSync(join(place, "fs"), { recursive: true });
    const path = join(place, "blob");
    const large = tar([{ path: "a", data: Buffer.alloc(64 * 1024 * 1024, "x") }]);
    writeFileSync(path, large);
    const order: LayerOrder = {
      what: "layer x",
      file: { path, offsetBytes: 0, sizeBytes: large.length },
      expectedDigest: null,
      expectedDiffId: null,
      stagingDir: place,
      ingestPath: null,
      redirects: [],
    };
    const abort = new AbortController();
    const onProgress = (): void => {
      abort.abort();
    };
    await expect(pool.apply(order, { isUrgent: true, signal: abort.signal, onProgress })).rejects.toThrow(/abort/);
    rmSync(join(place, "fs"), { recursive: true });
    mkdirSync(join(place, "fs"));
    expect(await pool.apply(order, { isUrgent: true })).toMatchObject({ diffId: sha256(large) });
  });
});

describe("TarRing", () => {
  const nothing = (): void => undefined;

  it("hands on what was written, in order, and what it is at the end", () => {
    const writer = new TarRing();
    const reader = new TarRing(writer.memory);
    const bytes = randomBytes(700_000);
    for (const at of [0, 1, 300_000])
      writer.write(bytes.subarray(at, at === 0 ? 1 : at === 1 ? 300_000 : undefined), nothing);
    writer.end({ sum: 1 });
    const got: Buffer[] = [];
    for (let part = reader.read(nothing); part !== undefined; part = reader.read(nothing)) got.push(Buffer.from(part));
    expect(Buffer.concat(got).equals(bytes)).toBe(true);
    expect(reader.proof).toEqual({ sum: 1 });
  });

  it("lets a side that waits be called off, by its own check or by the other side", () => {
    const check = (): void => {
      throw new Error("called off");
    };
    expect(() => new TarRing().read(check)).toThrow("called off");
    expect(() => {
      new TarRing().write(new Uint8Array(64 * 1024 * 1024), check);
    }).toThrow("called off");
    const writer = new TarRing();
    const reader = new TarRing(writer.memory);
    reader.stop("ERR_RESOURCE_EXHAUSTED");
    expect(() => {
      writer.write(new Uint8Array(1), nothing);
    }).toThrow(expect.objectContaining({ code: "ERR_RESOURCE_EXHAUSTED" }));
  });
});
