import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FixtureImage, writeOciLayout } from "../fixtures/image-builder.ts";
import { fingerprint, openTestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";

const mebibyte = 1024 * 1024;
const need = needAll(needRoot(), needPrograms("mkfs.ext4", "mount"));
let folder: string;
let disk: string;

describe.skipIf(need.missing)("a store on a disk of 48 MiB", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "laminate-test-"));
    disk = join(folder, "disk");
    await mkdir(disk);
    execFileSync("truncate", ["-s", "48M", join(folder, "image")]);
    execFileSync("mkfs.ext4", ["-q", "-F", "-m", "0", join(folder, "image")]);
    execFileSync("mount", ["-o", "loop", join(folder, "image"), disk]);
  });

  afterAll(async () => {
    execFileSync("umount", [disk]);
    await rm(folder, { recursive: true, force: true });
  });

  const image = (name: string, sizeBytes: number, compression: "gzip" | "none", data: Buffer): FixtureImage => ({
    names: [`docker.io/library/${name}:1`],
    layers: [{ tar: tar([{ path: "data", data: data.subarray(0, sizeBytes) }]), compression }],
  });
  const noise = randomBytes(64 * mebibyte);
  const zeros = Buffer.alloc(256 * mebibyte);

  const tooBig: Readonly<Record<string, FixtureImage>> = {
    "the stored bytes do not fit": image("stored", 64 * mebibyte, "none", noise),
    "the files do not fit": image("files", 256 * mebibyte, "gzip", zeros),
    "the stored bytes fit and the files beside them do not": image("both", 30 * mebibyte, "gzip", noise),
  };

  for (const backend of ["overlay", "copy"] as const) {
    for (const [what, big] of Object.entries(tooBig)) {
      it(`load fails with ERR_RESOURCE_EXHAUSTED when ${what} (${backend}), and the store works on`, async () => {
        const root = join(disk, "store");
        await using store = await openTestStore({ backend, root, durability: "full" });
        const small = image("small", mebibyte, "gzip", noise);
        await store.storage.load(await writeOciLayout(join(store.folder, "small"), [small]));
        const before = await fingerprint(store);
        const layout = await writeOciLayout(join(store.folder, "big"), [big]);
        await expect(store.storage.load(layout)).rejects.toMatchObject({ code: "ERR_RESOURCE_EXHAUSTED" });
        expect(await fingerprint(store)).toEqual(before);
        await store.storage.images.remove("small:1");
        await store.storage.load(await writeOciLayout(join(store.folder, "again"), [small]));
        expect(await store.storage.images.list()).toHaveLength(1);
        await store.storage.images.remove("small:1");
      });
    }
  }
});
