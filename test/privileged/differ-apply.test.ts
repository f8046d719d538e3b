import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Differ } from "../../driver/differ/differ.ts";
import type { Mount } from "../../driver/mount/mount.ts";
import { performMount, unmount } from "../../driver/mount/perform.ts";
import { sha256 } from "../fixtures/image-builder.ts";
import { DirectoryBlobs } from "../fixtures/directory-blobs.ts";
import { type DifferStore, openDifferStore } from "../fixtures/differ-store.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needRoot } from "../need.ts";
import { applyLayers, readEntries } from "../suites/layer-model.ts";
import { describeTree, readTree } from "../suites/model-tree.ts";
import { dir, file, link, opaque, symlink, whiteout } from "../suites/shown.ts";

/** Every rule that needs the layers below: implied parents, deletions, links down, parents behind lower symlinks. */
const layers = [
  tar([
    dir("./", { mtimeNs: 5n, mode: 0o711 }),
    dir("etc", { mode: 0o700, uid: 7, mtimeNs: 3_000_000_005n }),
    file("etc/passwd", "root", { mode: 0o600 }),
    file("etc/gone", "x"),
    dir("usr/bin"),
    file("usr/bin/sh", "shell", { mode: 0o4755 }),
    symlink("bin", "usr/bin"),
    dir("var/cache/deep"),
    file("var/cache/deep/old", "old"),
    file("was-file", "f"),
    dir("was-dir"),
    file("was-dir/in", "in"),
  ]),
  tar([
    file("bin/tool", "tool"),
    whiteout("etc/gone"),
    opaque("var/cache"),
    file("var/cache/new", "new"),
    link("usr/bin/bash", "bin/sh"),
    dir("was-file"),
    file("was-file/now", "dir"),
    file("was-dir", "now a file"),
  ]),
  tar([file("etc/gone", "back"), whiteout("usr/bin/tool"), dir("was-dir"), file("var/cache/deep/again", "a")]),
];

const expected = (count: number): string[] => describeTree(applyLayers(layers.slice(0, count).map(readEntries)));

function linesOf(mounts: readonly Mount[]): string[] {
  const target = mkdtempSync(join(tmpdir(), "laminate-test-"));
  try {
    performMount(mounts, target);
    return describeTree(readTree(target));
  } finally {
    unmount(target, { detach: true });
    execFileSync("rmdir", [target]);
  }
}

/** A root that no layer names keeps the attributes that the snapshot was made with. */
const withoutRoot = (lines: readonly string[]): string[] => lines.filter((line) => !line.startsWith(". "));

interface Case {
  layer: Parameters<Differ["apply"]>[0]["layer"];
  change: (mounts: readonly Mount[]) => readonly Mount[];
}

describe.skipIf(needRoot().missing)("Differ.apply", () => {
  for (const backend of ["overlay", "copy"] as const) {
    it(`makes snapshots what the layers mean (${backend})`, async () => {
      await using blobs = await DirectoryBlobs.create();
      await using store = await openDifferStore(backend, () => blobs);
      const { snapshotter, differ } = store;
      let parent = "";
      for (const [at, layerTar] of layers.entries()) {
        const mounts = await snapshotter.prepare(`key ${at}`, parent);
        const layer = await blobs.add(layerTar, (["gzip", "zstd", "none"] as const)[at % 3]);
        const applied = await differ.apply({ layer, mounts, syncs: at === 1 }, { namespace: "test" });
        expect(applied).toEqual({ diffId: sha256(layerTar), uncompressedBytes: layerTar.length });
        await snapshotter.commit(`layer ${at}`, `key ${at}`);
        parent = `layer ${at}`;
        expect(linesOf(await snapshotter.view(`view ${at}`, parent))).toEqual(expected(at + 1));
      }
      expect(readdirSync(join(store.root, "staging"))).toEqual(["lock"]);
    });
  }

  it("fills directories of others as overlays, as trees and through mounts, and leaves nothing beside", async () => {
    await using blobs = await DirectoryBlobs.create();
    await using store = await openDifferStore("overlay", () => blobs);
    const folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    const bind = (source: string): Mount[] => [{ type: "bind", source, target: "", options: ["rw", "rbind"] }];
    const overlay = (names: readonly string[]): Mount[] => {
      const [upper, ...lowers] = names.map((name) => join(folder, name));
      const options = [`workdir=${folder}/work`, `upperdir=${upper}`, `lowerdir=${lowers.join(":")}`];
      return [{ type: "overlay", source: "overlay", target: "", options }];
    };
    const make = (...names: readonly string[]): void => {
      for (const name of names) mkdirSync(join(folder, name));
    };
    const apply = async (differ: Differ, at: number, mounts: readonly Mount[]): Promise<void> => {
      const layer = await blobs.add(layers[at] ?? Buffer.alloc(0));
      await differ.apply({ layer, mounts, syncs: false }, { namespace: "test" });
    };
    try {
      make("work", "l0", "l1", "l2", "tree", "upper");
      await apply(store.differ, 0, bind(join(folder, "l0")));
      await apply(store.differ, 1, overlay(["l1", "l0"]));
      await apply(store.differ, 2, overlay(["l2", "l1", "l0"]));
      expect(linesOf(overlay(["l2", "l1", "l0"]))).toEqual(expected(3));

      for (const at of layers.keys()) await apply(store.differ, at, bind(join(folder, "tree")));
      expect(linesOf(bind(join(folder, "tree")))).toEqual(expected(3));

      // An upper directory that something is in already: the kernel makes the marks.
      await apply(store.differ, 1, overlay(["upper", "l0"]));
      await apply(store.differ, 2, overlay(["upper", "l0"]));
      expect(linesOf(overlay(["upper", "l0"]))).toEqual(expected(3));
      expect(readdirSync(join(store.root, "staging"))).toEqual(["lock"]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("keeps the attributes of a root that the layer does not name", async () => {
    await using blobs = await DirectoryBlobs.create();
    await using store = await openDifferStore("overlay", () => blobs);
    const layer = await blobs.add(tar([file("a", "a")]));
    const mounts = await store.snapshotter.prepare("key", "");
    const before = linesOf(mounts);
    await store.differ.apply({ layer, mounts, syncs: false }, { namespace: "test" });
    expect(linesOf(mounts)).toEqual([...before, 'a file 644 0:0 0 "a"']);
    expect(withoutRoot(linesOf(mounts))).toHaveLength(1);
  });

  describe("refuses", () => {
    const refused: Readonly<Record<string, readonly [string, (blobs: DirectoryBlobs) => Promise<Partial<Case>>]>> = {
      "bytes that are not the digest's": [
        "ERR_DATA_LOSS",
        async (blobs) => {
          const layer = await blobs.add(layers[0] ?? Buffer.alloc(0), "none");
          const bytes = tar([file("evil", "e")]);
          writeFileSync(blobs.pathOf(layer.digest), Buffer.concat([bytes, Buffer.alloc(layer.size - bytes.length)]));
          return { layer };
        },
      ],
      "a blob of another size": [
        "ERR_DATA_LOSS",
        async (blobs) => {
          const layer = await blobs.add(layers[0] ?? Buffer.alloc(0));
          return { layer: { ...layer, size: layer.size - 1 } };
        },
      ],
      "a blob that is not there": [
        "ERR_NOT_FOUND",
        async (blobs) => ({ layer: { ...(await blobs.add(tar([]))), digest: sha256(Buffer.from("no")) } }),
      ],
      "a media type that it does not know": [
        "ERR_UNIMPLEMENTED",
        async (blobs) => ({ layer: { ...(await blobs.add(tar([]))), mediaType: "application/x+encrypted" } }),
      ],
      "a compression that it does not know": [
        "ERR_UNIMPLEMENTED",
        async (blobs) => ({ layer: await blobs.add(Buffer.from("BZh91AY&SY"), "none") }),
      ],
      "owners that are mapped by the mount": [
        "ERR_UNIMPLEMENTED",
        async (blobs) => ({
          layer: await blobs.add(tar([])),
          change: (mounts) => mounts.map((mount) => ({ ...mount, options: [...mount.options, "uidmap=0:1:1"] })),
        }),
      ],
      "a read-only mount": [
        "ERR_FAILED_PRECONDITION",
        async (blobs) => ({
          layer: await blobs.add(tar([])),
          change: (mounts) => mounts.map((mount) => ({ ...mount, options: ["ro", "rbind"] })),
        }),
      ],
    };
    let blobs: DirectoryBlobs;
    let store: DifferStore;
    beforeAll(async () => {
      blobs = await DirectoryBlobs.create();
      store = await openDifferStore("overlay", () => blobs);
    });
    afterAll(async () => {
      await store[Symbol.asyncDispose]();
      await blobs[Symbol.asyncDispose]();
    });
    for (const [what, [code, make]] of Object.entries(refused)) {
      it(`${what}, and nothing is seen of it`, async () => {
        const mounts = await store.snapshotter.prepare(what, "");
        const { layer, change } = await make(blobs);
        if (layer === undefined) throw new TypeError("no layer");
        await expect(
          store.differ.apply({ layer, mounts: change?.(mounts) ?? mounts, syncs: false }, { namespace: "test" }),
        ).rejects.toMatchObject({ code, message: expect.stringContaining(layer.digest) as string });
        expect(withoutRoot(linesOf(mounts))).toEqual([]);
        expect(readdirSync(join(store.root, "staging"))).toEqual(["lock"]);
        expect(readdirSync(join(store.root, "ingest")).filter((name) => !name.endsWith(".lock"))).toEqual([]);
      });
    }
  });
});
