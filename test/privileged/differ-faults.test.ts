/** What stops an Apply from outside: the disk, and a kill of the process. */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DirectoryBlobs } from "../fixtures/directory-blobs.ts";
import { openDifferStore } from "../fixtures/differ-store.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needRoot } from "../need.ts";
import { file } from "../suites/shown.ts";

const mebibyte = 1024 * 1024;
const call = { namespace: "test" };
const child = join(import.meta.dirname, "differ-apply.child.ts");

describe.skipIf(needRoot().missing)("Differ.apply", () => {
  let folder: string;
  let disk: string;
  let blobs: DirectoryBlobs;
  const mount = (...options: readonly string[]): void => void execFileSync("mount", [...options, disk]);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    disk = join(folder, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", disk]);
    blobs = await DirectoryBlobs.create();
  });
  afterAll(async () => {
    execFileSync("umount", [disk]);
    await blobs[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it("fails with ERR_RESOURCE_EXHAUSTED on a full disk, shows nothing, and works once there is room", async () => {
    await using store = await openDifferStore("overlay", () => blobs, join(disk, "store"));
    const mounts = await store.snapshotter.prepare("full", "");
    const big = await blobs.add(tar([file("first", "1"), file("big", Buffer.alloc(64 * mebibyte, 1))]));
    await expect(store.differ.apply({ layer: big, mounts, syncs: true }, call)).rejects.toMatchObject({
      code: "ERR_RESOURCE_EXHAUSTED",
      message: expect.stringMatching(new RegExp(`${big.digest}.*ENOSPC`)) as string,
    });
    expect(readdirSync(await store.snapshotter.ownTree("full"))).toEqual([]);
    expect(readdirSync(join(store.root, "staging"))).toEqual(["lock"]);
    const small = await blobs.add(tar([file("small", "s")]));
    await store.differ.apply({ layer: small, mounts, syncs: true }, call);
    expect(readdirSync(await store.snapshotter.ownTree("full"))).toEqual(["small"]);
  });

  it("fails with ERR_PERMISSION_DENIED on a read-only disk, and says so", async () => {
    await using store = await openDifferStore("overlay", () => blobs);
    const source = join(disk, "frozen");
    mkdirSync(source);
    const mounts = [{ type: "bind", source, target: "", options: ["rw", "rbind"] }];
    const layer = await blobs.add(tar([file("a", "a")]));
    mount("-o", "remount,ro");
    try {
      await expect(store.differ.apply({ layer, mounts, syncs: false }, call)).rejects.toMatchObject({
        code: "ERR_PERMISSION_DENIED",
        message: expect.stringContaining("EROFS") as string,
      });
    } finally {
      mount("-o", "remount,rw");
    }
    expect(readdirSync(source)).toEqual([]);
  });

  it("killed at any moment leaves nothing in the store that the next opening does not take away", async () => {
    const root = mkdtempSync(join(tmpdir(), "laminate-test-"));
    try {
      const files = Array.from({ length: 300 }, (_, at) => file(`d${at}/f`, randomBytes(20_000)));
      const layer = await blobs.add(tar(files), "none");
      // By what is to be seen in the store: as it begins, and as it is moved.
      for (const [at, wanted] of [1, 299].entries()) {
        const key = `killed ${at}`;
        const victim = spawn(process.execPath, [child, root, blobs.dir, key, JSON.stringify(layer)], {
          stdio: "inherit",
        });
        const exited = once(victim, "exit");
        while (victim.exitCode === null && countStaged(root) < wanted) await new Promise(setImmediate);
        victim.kill("SIGKILL");
        await exited;
        await using store = await openDifferStore("overlay", () => blobs, root);
        expect(readdirSync(join(root, "staging")).filter((name) => !name.startsWith("trash-"))).toEqual(["lock"]);
        const mounts = await store.snapshotter.mounts(key);
        // As containerd does it: another try has another key.
        await store.snapshotter.remove(key);
        expect(mounts).toHaveLength(1);
        await store.snapshotter.cleanup();
        expect(readdirSync(join(root, "snapshots")).filter((name) => /^[0-9]+$/.test(name))).toEqual([]);
        expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(root);
      }
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});

/** Directories of the layer that are laid, in staging or in a snapshot. */
function countStaged(root: string): number {
  const below = (place: string): number => {
    try {
      return readdirSync(join(root, place)).reduce((sum, name) => {
        try {
          return sum + readdirSync(join(root, place, name, "fs")).length;
        } catch {
          return sum;
        }
      }, 0);
    } catch {
      return 0;
    }
  };
  return below("staging") + below("snapshots");
}
