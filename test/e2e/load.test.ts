import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { chainIds } from "../../driver/oci/chain-id.ts";
import {
  type FixtureImage,
  type FixtureOptions,
  blobPath,
  buildDockerArchive,
  buildImage,
  buildOciArchive,
  flipByte,
  writeOciLayout,
} from "../fixtures/image-builder.ts";
import { type TestStore, backends, fingerprint, openTestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";

const base = tar([
  { path: "bin", type: "symlink", linkTarget: "usr/bin" },
  { path: "usr/", type: "directory", mode: 0o755 },
  { path: "usr/bin/", type: "directory", mode: 0o755 },
  { path: "usr/bin/tool", data: "tool", mode: 0o755 },
  { path: "etc/", type: "directory", mode: 0o755 },
  { path: "etc/release", data: "one" },
]);
const first = tar([
  { path: "etc/release", data: "two" },
  { path: "app/a", data: "a" },
]);
const second = tar([
  { path: "etc/.wh.release", data: "" },
  { path: "app/b", data: "b" },
]);

const hello: FixtureImage = {
  names: ["docker.io/library/hello:1"],
  layers: [{ tar: base }, { tar: first, compression: "zstd" }],
};
const world: FixtureImage = {
  names: ["docker.io/library/world:1"],
  layers: [{ tar: base }, { tar: second, compression: "none" }],
};
/** Shares nothing with the others. */
const other: FixtureImage = { names: ["docker.io/library/other:1"], layers: [{ tar: second }] };

function chainsOf(image: FixtureImage): string[] {
  return chainIds(buildImage(image).layers.map((layer) => layer.diffId));
}

async function read(store: TestStore, image: string, path: string): Promise<string> {
  return readFile(join(await store.storage.mountImage(image), path), "utf8");
}

async function failureOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  return work.then(
    () => expect.fail("it worked"),
    (error: unknown) => error as { code: string; message: string },
  );
}

for (const backend of backends) {
  describe(`load with the ${backend} backend`, () => {
    const asRoot = process.geteuid?.() === 0;

    it("load reads a layout with gzip, zstd and plain layers, and the image shows their union", async () => {
      await using store = await openTestStore({ backend });
      const layout = await writeOciLayout(join(store.folder, "layout"), [hello, world]);
      const loaded = await store.storage.load(layout);
      expect(loaded.map((image) => image.names)).toEqual([hello.names, world.names]);
      expect(await read(store, "hello:1", "etc/release")).toBe("two");
      expect(await read(store, "hello:1", "app/a")).toBe("a");
      expect(await readdir(join(await store.storage.mountImage("world:1"), "etc"))).toEqual([]);
      await store.storage.unmountImage("hello:1");
      await store.storage.unmountImage("world:1");
    });

    it("load reads docker-archives and OCI archives, whatever their layers are compressed with", async () => {
      await using store = await openTestStore({ backend });
      const docker = join(store.folder, "docker.tar");
      await writeFile(docker, await buildDockerArchive([hello]));
      const oci = join(store.folder, "oci.tar");
      await writeFile(oci, await buildOciArchive([world]));
      await store.storage.load(docker);
      await store.storage.load(oci);
      expect(await read(store, "hello:1", "etc/release")).toBe("two");
      expect(await read(store, "world:1", "app/b")).toBe("b");
      await store.storage.unmountImage("hello:1");
      await store.storage.unmountImage("world:1");
    });

    it("load reads an archive that is compressed as a whole", async () => {
      await using store = await openTestStore({ backend });
      const packed = join(store.folder, "docker.tar.gz");
      await writeFile(packed, gzipSync(await buildDockerArchive([hello])));
      await store.storage.load(packed);
      expect((await store.storage.images.get("hello:1")).layers).toHaveLength(2);
    });

    it("load extracts a shared layer once, and removing one image leaves the other whole", async () => {
      await using store = await openTestStore({ backend });
      const layout = await writeOciLayout(join(store.folder, "layout"), [hello, world]);
      const [one, two] = await store.storage.load(layout);
      expect(one).toMatchObject({ layersExtracted: 2, layersReused: 0 });
      expect(two).toMatchObject({ layersExtracted: 1, layersReused: 1 });
      const committed = [];
      for await (const { name } of store.storage.snapshots.walk(["kind==committed"])) committed.push(name);
      expect(committed.sort()).toEqual([...new Set([...chainsOf(hello), ...chainsOf(world)])].sort());
      expect((await readdir(join(store.root, "snapshots"))).filter((name) => /^\d+$/.test(name))).toHaveLength(3);

      const removed = await store.storage.images.remove("hello:1");
      expect(removed.untagged).toEqual(hello.names);
      expect(removed.deleted).toContain(chainsOf(hello)[1]);
      expect(await read(store, "world:1", "app/b")).toBe("b");
      expect(await read(store, "world:1", "usr/bin/tool")).toBe("tool");
      await store.storage.unmountImage("world:1");
      await store.storage.images.remove("world:1");
      expect(await fingerprint(store)).toMatchObject({
        images: [],
        snapshots: [],
        blobs: [],
        directories: ["backend"],
      });
    });

    it("load of an image that is there already extracts nothing and changes nothing", async () => {
      await using store = await openTestStore({ backend });
      const docker = join(store.folder, "docker.tar");
      await writeFile(docker, await buildDockerArchive([hello]));
      await store.storage.load(docker);
      const before = await fingerprint(store);
      const [again] = await store.storage.load(docker);
      expect(again).toMatchObject({ layersExtracted: 0, layersReused: 2 });
      expect(await fingerprint(store)).toEqual(before);
    });

    it("load lays an entry behind a symlink of a lower layer where that one leads", async () => {
      await using store = await openTestStore({ backend });
      const added = { path: "bin/added", data: "added", mode: 0o755 };
      const image = { names: ["docker.io/library/merged:1"], layers: [{ tar: base }, { tar: tar([added]) }] };
      await store.storage.load(await writeOciLayout(join(store.folder, "layout"), [image]));
      expect(await read(store, "merged:1", "usr/bin/added")).toBe("added");
      expect(await read(store, "merged:1", "bin/tool")).toBe("tool");
      await store.storage.unmountImage("merged:1");
    });

    const spoiled: Readonly<Record<string, [FixtureImage, FixtureOptions]>> = {
      "a byte of a gzip layer": [hello, edit(0, (bytes) => flipByte(bytes, 40))],
      "the CRC in a gzip trailer": [hello, edit(0, (bytes) => flipByte(bytes, -8))],
      "the length in a gzip trailer": [hello, edit(0, (bytes) => flipByte(bytes, -1))],
      "a byte of a zstd layer": [hello, edit(1, (bytes) => flipByte(bytes, 30))],
      "a layer cut short": [hello, edit(0, (bytes) => bytes.subarray(0, -20))],
      "a layer with a byte too many": [hello, edit(0, (bytes) => Buffer.concat([bytes, Buffer.of(0)]))],
      "a byte of the config": [hello, editBlob(buildImage(hello).configDigest, (bytes) => flipByte(bytes, 30))],
      "a byte of the manifest": [hello, editBlob(buildImage(hello).descriptor.digest, (bytes) => flipByte(bytes, 30))],
      "a diffID of another layer": [
        { ...hello, editConfig: (config) => (config["rootfs"] = { type: "layers", diff_ids: swapped(hello) }) },
        {},
      ],
      "a layer that is not there": [hello, editBlob(buildImage(hello).layers[1]?.descriptor.digest ?? "", () => null)],
    };

    for (const [what, [image, options]] of Object.entries(spoiled)) {
      it(`load refuses ${what}, naming it, and leaves the store as it was`, async () => {
        await using store = await openTestStore({ backend });
        await store.storage.load(await writeOciLayout(join(store.folder, "good"), [other]));
        const before = await fingerprint(store);
        const layout = await writeOciLayout(join(store.folder, "bad"), [image], options);
        const error = await failureOf(store.storage.load(layout));
        expect(error.code).toMatch(/ERR_DATA_LOSS|ERR_NOT_FOUND|ERR_INVALID_ARGUMENT/);
        expect(error.message).toMatch(/sha256:[0-9a-f]{64}/);
        expect(await fingerprint(store)).toEqual(before);
      });
    }

    it("load that is canceled leaves nothing", async () => {
      await using store = await openTestStore({ backend });
      const before = await fingerprint(store);
      const big = tar([{ path: "big", data: Buffer.alloc(64 * 1024 * 1024, "laminate") }]);
      const layout = await writeOciLayout(join(store.folder, "layout"), [
        { names: ["docker.io/library/big:1"], layers: [{ tar: big, compression: "none" }] },
      ]);
      const abort = new AbortController();
      const work = store.storage.load(layout, {
        signal: abort.signal,
        onProgress: ({ phase }) => {
          if (phase === "waiting") setTimeout(abort.abort.bind(abort), 30);
        },
      });
      await failureOf(work);
      expect(await fingerprint(store)).toEqual(before);
    });

    it.skipIf(!asRoot)("load carries an image of 130 layers, and one of 400", { timeout: 300_000 }, async () => {
      await using store = await openTestStore({ backend });
      for (const count of [130, 400]) {
        const layers = Array.from({ length: count }, (_, at) => ({ tar: tar([{ path: `f${at}`, data: `${at}` }]) }));
        const name = `docker.io/library/deep:${count}`;
        await store.storage.load(await writeOciLayout(join(store.folder, `deep${count}`), [{ names: [name], layers }]));
        const path = await store.storage.mountImage(name);
        expect(await readdir(path)).toHaveLength(count);
        expect(await readFile(join(path, `f${count - 1}`), "utf8")).toBe(`${count - 1}`);
        await store.storage.unmountImage(name);
      }
    });
  });
}

/** Spoils the stored bytes of layer `index` of `hello`. */
function edit(index: number, change: (bytes: Uint8Array) => Uint8Array): FixtureOptions {
  return editBlob(buildImage(hello).layers[index]?.descriptor.digest ?? "", change);
}

function editBlob(digest: string, change: (bytes: Uint8Array) => Uint8Array | null): FixtureOptions {
  return {
    edit: (files) => {
      const bytes = files.get(blobPath(digest));
      if (!(bytes instanceof Uint8Array)) throw new TypeError(`no blob ${digest}`);
      const changed = change(bytes);
      if (changed === null) files.delete(blobPath(digest));
      else files.set(blobPath(digest), changed);
    },
  };
}

function swapped(image: FixtureImage): string[] {
  return buildImage(image)
    .layers.map((layer) => layer.diffId)
    .reverse();
}
