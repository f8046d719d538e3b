import { mkdirSync, mkdtempDisposableSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../../../driver/metadata/database.ts";
import { backendAtRest } from "../../../driver/snapshot/at-rest.ts";
import { lazySnapshotter } from "../../../driver/snapshot/lazy-snapshotter.ts";
import { openSnapshotter } from "../../../driver/snapshot/open-snapshotter.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";

const privileges = detectPrivileges();

async function withStore(
  act: (root: string, look: (wanted: "auto" | "overlay" | "copy") => string | undefined) => Promise<void>,
): Promise<void> {
  using folder = mkdtempDisposableSync(join(tmpdir(), "laminate-at-rest-"));
  const root = folder.path;
  using database = openDatabase(join(root, "laminate.db"), { durability: "none" });
  await using snapshotter = await openSnapshotter({ root, database, backend: "copy", durability: "none", privileges });
  await snapshotter.prepare("one", "");
  await act(root, (wanted) => backendAtRest(wanted, root, database, privileges));
}

describe("backendAtRest", () => {
  it("backendAtRest tells the backend of a store in order, and nothing where another is asked for", async () => {
    await withStore((_root, look) => {
      expect([look("auto"), look("copy"), look("overlay")]).toEqual(["copy", "copy", undefined]);
      return Promise.resolve();
    });
  });

  it.each([
    [
      "something is left in staging",
      (root: string) => {
        mkdirSync(join(root, "staging/trash-x"));
      },
    ],
    [
      "a directory has no record",
      (root: string) => {
        mkdirSync(join(root, "snapshots/99"));
      },
    ],
    [
      "a record has no directory",
      (root: string) => {
        for (const part of ["fs", "work", ""]) rmdirSync(join(root, "snapshots/1", part));
      },
    ],
  ])("backendAtRest tells nothing when %s", async (_what, spoil) => {
    await withStore((root, look) => {
      spoil(root);
      expect(look("auto")).toBeUndefined();
      return Promise.resolve();
    });
  });
});

describe("lazySnapshotter", () => {
  it("lazySnapshotter opens at its first use, once, tries again after a failure, and is closed for good", async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), "laminate-lazy-"));
    const root = folder.path;
    using database = openDatabase(join(root, "laminate.db"), { durability: "none" });
    let opened = 0;
    const snapshotter = lazySnapshotter("copy", () => {
      opened++;
      if (opened === 1) return Promise.reject(new Error("not yet"));
      return openSnapshotter({ root, database, backend: "copy", durability: "none", privileges });
    });
    expect(opened).toBe(0);
    await expect(snapshotter.prepare("one", "")).rejects.toThrow("not yet");
    await Promise.all([snapshotter.prepare("one", ""), snapshotter.prepare("two", "")]);
    const names: string[] = [];
    for await (const { name } of snapshotter.walk()) names.push(name);
    expect([opened, names.sort()]).toEqual([2, ["one", "two"]]);
    await snapshotter[Symbol.asyncDispose]();
    await expect(snapshotter.stat("one")).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });

    const unused = lazySnapshotter("copy", () => Promise.reject(new Error("not asked for")));
    await unused[Symbol.asyncDispose]();
    await expect(unused.stat("one")).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
  });
});
