import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { ContentStore } from "../../../driver/content/content-store.ts";
import { openContentStore } from "../../../driver/content/open-store.ts";
import { contentStoreSuite, describedBytes } from "../../suites/content-store-suite.ts";

const dirs: string[] = [];
const children: ChildProcess[] = [];

function freshRoot(): string {
  const dir = mkdtempSync(join(tmpdir(), "laminate-content-"));
  dirs.push(dir);
  return join(dir, "root");
}

function open(root: string): Promise<ContentStore> {
  return openContentStore({ root, durability: "full" });
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o7777;
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

contentStoreSuite("LayoutStore, synced", () => open(freshRoot()));
contentStoreSuite("LayoutStore, not synced", () => openContentStore({ root: freshRoot(), durability: "none" }));

const { bytes, descriptor } = describedBytes("hello");

describe("openContentStore", () => {
  test("makes an OCI image layout", async () => {
    const root = freshRoot();
    const store = await open(root);
    await store.writeBlob(bytes);
    expect(JSON.parse(readFileSync(join(root, "oci-layout"), "utf8"))).toEqual({ imageLayoutVersion: "1.0.0" });
    expect(JSON.parse(readFileSync(join(root, "index.json"), "utf8"))).toMatchObject({
      schemaVersion: 2,
      manifests: [],
    });
    expect(readFileSync(join(root, "blobs/sha256", descriptor.digest.slice(7)), "utf8")).toBe("hello");
    expect(store.pathOf(descriptor.digest)).toBe(join(root, "blobs/sha256", descriptor.digest.slice(7)));
  });

  test.each([0, 0o022, 0o777])("keeps everything private and blobs read-only under umask %o", async (umask) => {
    const root = freshRoot();
    // Another process, for a umask cannot be changed in a worker thread and would leak into other tests.
    const script = `
      process.umask(${umask});
      const { openContentStore } = await import(${JSON.stringify(join(import.meta.dirname, "../../../driver/content/open-store.ts"))});
      const store = await openContentStore({ root: ${JSON.stringify(root)}, durability: "none" });
      await store.writeBlob(Buffer.from("hello"));
      await store.writeIndex(() => []);
      const ingest = await store.startIngest("x");
      const { statSync } = await import("node:fs");
      console.log((statSync(ingest.path).mode & 0o7777).toString(8));
      process.exit(0);`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const output = await child.stdout.toArray();
    expect(String(output)).toBe("600\n");
    for (const dir of ["", "blobs", "blobs/sha256", "ingest"]) expect(modeOf(join(root, dir))).toBe(0o700);
    expect(modeOf(join(root, "blobs/sha256", descriptor.digest.slice(7)))).toBe(0o444);
  });

  test("makes an existing root private", async () => {
    const root = freshRoot();
    mkdirSync(root);
    chmodSync(root, 0o755);
    await open(root);
    expect(modeOf(root)).toBe(0o700);
  });

  test("keeps blobs and index of an earlier run", async () => {
    const root = freshRoot();
    const first = await open(root);
    await first.writeBlob(bytes);
    await first.writeIndex(() => [descriptor]);
    const second = await open(root);
    expect(await second.readIndex()).toEqual([descriptor]);
    expect(await second.has(descriptor.digest)).toBe(true);
  });

  test("throws ERR_FAILED_PRECONDITION for a layout of another version", async () => {
    const root = freshRoot();
    mkdirSync(root);
    writeFileSync(join(root, "oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
    await expect(open(root)).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION" });
  });

  test("opens one root many times at once", async () => {
    const root = freshRoot();
    const stores = await Promise.all(Array.from({ length: 8 }, () => open(root)));
    await Promise.all(stores.map((store) => store.writeBlob(bytes)));
    expect(readdirSync(join(root, "ingest"))).toEqual(["gate.lock", "index.lock"]);
  });

  test("removes what a killed writer left, and nothing of a living one", async () => {
    const root = freshRoot();
    const script = `
      const { openContentStore } = await import(${JSON.stringify(join(import.meta.dirname, "../../../driver/content/open-store.ts"))});
      const store = await openContentStore({ root: ${JSON.stringify(root)}, durability: "none" });
      const ingest = await store.startIngest("ref");
      const { writeFileSync } = await import("node:fs");
      writeFileSync(ingest.path, "half");
      console.log(ingest.path);
      setInterval(() => ingest, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const path = line.toString().trim();

    const beside = await open(root);
    expect(readFileSync(path, "utf8")).toBe("half");
    await expect(beside.startIngest("ref")).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });

    child.kill("SIGKILL");
    await once(child, "exit");
    await open(root);
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(join(root, "ingest"))).toEqual(["gate.lock", "index.lock"]);
    await using ingest = await beside.startIngest("ref");
    expect(readFileSync(ingest.path, "utf8")).toBe("");
  });
});

describe("readSmall", () => {
  test("throws ERR_DATA_LOSS with both digests for a byte that changed on disk", async () => {
    const store = await open(freshRoot());
    await store.writeBlob(bytes);
    const path = store.pathOf(descriptor.digest);
    rmSync(path);
    writeFileSync(path, "jello");
    const actual = describedBytes("jello").descriptor.digest;
    await expect(store.readSmall(descriptor)).rejects.toMatchObject({
      code: "ERR_DATA_LOSS",
      details: { expected: descriptor.digest, actual },
    });
  });

  test("does not follow a symbolic link in a blob's place", async () => {
    const root = freshRoot();
    const store = await open(root);
    writeFileSync(join(root, "elsewhere"), bytes);
    symlinkSync("../../elsewhere", store.pathOf(descriptor.digest));
    await expect(store.readSmall(descriptor)).rejects.toThrow(/ELOOP/);
    expect(await store.has(descriptor.digest)).toBe(false);
  });
});

describe("commitIngest", () => {
  test("replaces a blob that a power cut emptied", async () => {
    const store = await open(freshRoot());
    writeFileSync(store.pathOf(descriptor.digest), "");
    await store.writeBlob(bytes, { expected: descriptor });
    expect(Buffer.from(await store.readSmall(descriptor)).toString()).toBe("hello");
  });

  test("leaves no ingest behind when it fails", async () => {
    const root = freshRoot();
    const store = await open(root);
    await expect(store.writeBlob(bytes, { expected: { ...descriptor, size: 1 } })).rejects.toThrow();
    expect(readdirSync(join(root, "ingest"))).toEqual(["gate.lock", "index.lock"]);
  });
});

describe("list", () => {
  test("passes over what is not named by a digest", async () => {
    const root = freshRoot();
    const store = await open(root);
    await store.writeBlob(bytes);
    writeFileSync(join(root, "blobs/sha256/.tmp"), "");
    mkdirSync(join(root, "blobs/sha256", "a".repeat(64)));
    expect(await store.list()).toEqual([{ digest: descriptor.digest, sizeBytes: 5 }]);
  });
});
