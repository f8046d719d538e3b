/** What a power cut, a kill or a bad disk leaves behind, and how the next command deals with it. */
import { execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, readFile, readdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createStorage } from "../../driver/index.ts";
import {
  type FixtureImage,
  blobPath,
  buildDockerArchive,
  buildImage,
  writeOciLayout,
} from "../fixtures/image-builder.ts";
import { type TestStore, openTestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";

const image = (name: string): FixtureImage => ({
  names: [`docker.io/library/${name}:1`],
  layers: [{ tar: tar([{ path: name, data: name.repeat(5000) }]) }],
});

function pathOfBlob(store: TestStore, digest: string): string {
  return join(store.root, blobPath(digest));
}

async function damage(path: string): Promise<void> {
  await chmod(path, 0o600);
  await truncate(path, 10);
}

describe("a store with a damaged blob", () => {
  it("load of the image again repairs a layer blob of the wrong size", async () => {
    await using store = await openTestStore();
    const layout = await writeOciLayout(join(store.folder, "a"), [image("a")]);
    await store.storage.load(layout);
    const [layer] = buildImage(image("a")).layers;
    const path = pathOfBlob(store, layer?.descriptor.digest ?? "");
    await damage(path);
    await store.storage.load(layout);
    expect(await readFile(path)).toEqual(Buffer.from(layer?.bytes ?? []));
  });

  it("images lists one whose manifest is damaged and says so, and the others work on", async () => {
    await using store = await openTestStore();
    const { storage } = store;
    await storage.load(await writeOciLayout(join(store.folder, "a"), [image("a")]));
    await storage.load(await writeOciLayout(join(store.folder, "b"), [image("b")]));
    await damage(pathOfBlob(store, buildImage(image("a")).descriptor.digest));
    const damages = Object.fromEntries(
      (await storage.images.list()).map(({ names, damage }) => [names[0] ?? "", damage] as const),
    );
    expect(damages["docker.io/library/a:1"]).toMatch(/sha256:/);
    expect(damages["docker.io/library/b:1"]).toBeUndefined();
    expect(await storage.images.history("b:1")).toHaveLength(1);
    await expect(storage.images.get("a:1")).rejects.toMatchObject({ code: "ERR_DATA_LOSS" });

    await storage.images.remove("b:1");
    await storage.images.remove("a:1");
    expect(await storage.images.list()).toEqual([]);
    expect(await readdir(join(store.root, "blobs/sha256"))).toEqual([]);
  });

  it("load heals a damaged manifest", async () => {
    await using store = await openTestStore();
    const layout = await writeOciLayout(join(store.folder, "a"), [image("a")]);
    await store.storage.load(layout);
    await damage(pathOfBlob(store, buildImage(image("a")).descriptor.digest));
    await store.storage.load(layout);
    expect((await store.storage.images.get("a:1")).layers).toHaveLength(1);
  });
});

describe("a store that a killed process left", () => {
  it("createStorage removes blobs that nothing refers to when a writer died at its work", async () => {
    await using store = await openTestStore();
    await store.storage.load(await writeOciLayout(join(store.folder, "a"), [image("a")]));
    const stray = join(store.root, blobPath(`sha256:${"0".repeat(64)}`));
    await writeFile(stray, "stray");
    await using _calm = await createStorage({ root: store.root, state: join(store.folder, "state") });
    expect(await readFile(stray, "utf8")).toBe("stray");

    await mkdir(join(store.root, "ingest", "f".repeat(32)));
    await writeFile(join(store.root, "ingest", "f".repeat(32), "lock"), "");
    await using _healed = await createStorage({ root: store.root, state: join(store.folder, "state") });
    await expect(readFile(stray)).rejects.toMatchObject({ code: "ENOENT" });
    expect((await store.storage.images.get("a:1")).layers).toHaveLength(1);
  });
});

describe("load of a named pipe", () => {
  it("gives up when its signal aborts before there is a writer", async () => {
    await using store = await openTestStore();
    const pipe = join(store.folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const abort = new AbortController();
    const work = store.storage.load(pipe, { signal: abort.signal });
    setTimeout(abort.abort.bind(abort), 50);
    await expect(work).rejects.toThrow(/abort/);
  });

  it("reads what a writer that comes later sends", async () => {
    await using store = await openTestStore();
    const [pipe, archive] = [join(store.folder, "pipe"), join(store.folder, "archive.tar")];
    execFileSync("mkfifo", [pipe]);
    await writeFile(archive, await buildDockerArchive([image("a")]));
    const work = store.storage.load(pipe);
    setTimeout(() => spawn("sh", ["-c", 'sleep 0.2; cat "$1" >"$2"', "sh", archive, pipe]), 50);
    expect(await work).toMatchObject([{ names: ["docker.io/library/a:1"], layersExtracted: 1 }]);
  });
});
