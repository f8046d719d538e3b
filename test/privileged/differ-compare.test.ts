import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Mount } from "../../driver/mount/mount.ts";
import { DirectoryBlobs } from "../fixtures/directory-blobs.ts";
import { type DifferStore, openDifferStore } from "../fixtures/differ-store.ts";
import { sha256 } from "../fixtures/image-builder.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needRoot } from "../need.ts";
import { readEntries } from "../suites/layer-model.ts";
import { dir, file } from "../suites/shown.ts";

const gzipType = "application/vnd.oci.image.layer.v1.tar+gzip";
const plain = { mediaType: gzipType, ref: "", labels: {}, sourceDateEpoch: null };
const call = { namespace: "test" };

describe.skipIf(needRoot().missing)("Differ.compare", () => {
  let blobs: DirectoryBlobs;
  let store: DifferStore;
  let folder: string;
  const overlay = (upper: string | undefined, ...lowers: readonly string[]): Mount[] => {
    const upperOptions = upper === undefined ? [] : [`upperdir=${folder}/${upper}`, `workdir=${folder}/work`];
    const lower = lowers.map((name) => join(folder, name)).join(":");
    return [{ type: "overlay", source: "overlay", target: "", options: [...upperOptions, `lowerdir=${lower}`] }];
  };
  const bind = (name: string): Mount[] => [
    { type: "bind", source: join(folder, name), target: "", options: ["ro", "rbind"] },
  ];
  const change = (name: string, ...path: readonly string[]): void => {
    const target = join(folder, name, ...path);
    mkdirSync(join(target, ".."), { recursive: true });
    writeFileSync(target, name);
  };

  beforeAll(async () => {
    blobs = await DirectoryBlobs.create();
    store = await openDifferStore("overlay", () => blobs);
    folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    for (const name of ["work", "empty", "low", "middle", "upper", "copy"]) mkdirSync(join(folder, name));
    for (const path of ["a", "b", "c/d"]) change("low", ...path.split("/"));
    change("middle", "m");
    change("upper", "new");
    // As overlay keeps a deletion.
    execFileSync("mknod", [join(folder, "upper", "b"), "c", "0", "0"]);
    execFileSync("cp", ["-a", `${folder}/low/.`, `${folder}/copy`]);
    rmSync(join(folder, "copy", "b"));
    change("copy", "new");
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await blobs[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const made: Readonly<Record<string, () => readonly [Mount[], Mount[], readonly string[]]>> = {
    "an upper directory over exactly the left side": () => [bind("low"), overlay("upper", "low"), ["", ".wh.b", "new"]],
    "a read-only overlay over the left side": () => [
      bind("low"),
      overlay(undefined, "upper", "low"),
      ["", ".wh.b", "new"],
    ],
    "an upper directory over one layer more": () => [
      bind("low"),
      overlay("upper", "middle", "low"),
      ["", ".wh.b", "m", "new"],
    ],
    "a tree beside the left one": () => [bind("low"), bind("copy"), ["", ".wh.b", "new"]],
    "a tree over an empty one": () => [bind("empty"), bind("middle"), ["", "m"]],
    "a tree over nothing": () => [[], bind("middle"), ["", "m"]],
  };
  for (const [what, mounts] of Object.entries(made)) {
    it(`makes a layer of ${what}`, async () => {
      const [left, right, paths] = mounts();
      const layer = await store.differ.compare({ ...plain, left, right, labels: { "a.b/c": "d" } }, call);
      const bytes = readFileSync(blobs.pathOf(layer.digest));
      expect(layer).toEqual({ mediaType: gzipType, digest: sha256(bytes), size: bytes.length });
      const tarBytes = gunzipSync(bytes);
      expect(blobs.written.at(-1)?.labels).toEqual({ "a.b/c": "d", "containerd.io/uncompressed": sha256(tarBytes) });
      const found = readEntries(tarBytes).map(({ entry }) => entry.path as string);
      expect(found.filter((path) => path !== "")).toEqual(paths.filter((path) => path !== ""));
    });
  }

  it("says the same of one change, however the mounts are made", async () => {
    const request = { ...plain, mediaType: "", sourceDateEpoch: 1n };
    const upper = { left: bind("low"), right: overlay("upper", "low") };
    const one = await store.differ.compare({ ...request, ...upper }, call);
    const other = await store.differ.compare({ ...request, ...upper, right: overlay(undefined, "upper", "low") }, call);
    expect(other).toEqual(one);
  });

  it("stores in the namespace that the snapshot's key begins with when the call names none", async () => {
    const layer = await blobs.add(tar([dir("etc"), file("etc/x", "x")]));
    const mounts = await store.snapshotter.prepare("spaces/7/key of a client", "");
    await store.differ.apply({ layer, mounts, syncs: false }, { namespace: undefined });
    const left = bind("empty");
    await expect(
      store.differ.compare({ ...plain, left, right: mounts }, { namespace: undefined }),
    ).resolves.toBeDefined();
    const right = bind("middle");
    await expect(store.differ.compare({ ...plain, left, right }, { namespace: undefined })).rejects.toMatchObject({
      code: "ERR_UNIMPLEMENTED",
    });
  });

  it("leaves media types that it does not make to others", async () => {
    const request = { ...plain, left: bind("low"), right: bind("copy"), mediaType: "application/vnd.erofs" };
    await expect(store.differ.compare(request, call)).rejects.toMatchObject({ code: "ERR_UNIMPLEMENTED" });
  });
});
