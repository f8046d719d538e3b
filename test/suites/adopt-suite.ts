/** Snapshotter.adopt and lowerLayers, run against every backend with layers made by hand. */
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Snapshotter } from "../../driver/snapshot/snapshotter.ts";
import { changes, describeTree, directory, file, hardLink, mode, removed, symlink } from "./file-changes.ts";
import { type Access, mountedAccess } from "./mount-access.ts";
import { handMadeLayer } from "./settled-layer.ts";
import type { OpenStore } from "./snapshotter-suite.ts";

export function adoptSuite(
  name: string,
  open: (root: string) => Promise<OpenStore>,
  { access = mountedAccess }: { readonly access?: Access } = {},
): void {
  describe(`adopt of ${name}`, () => {
    let root: string;
    let store: OpenStore;
    let snapshotter: Snapshotter;

    beforeEach(async () => {
      root = mkdtempSync(join(tmpdir(), "adopt-"));
      store = await open(root);
      snapshotter = store.snapshotter;
    });
    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      rmSync(root, { recursive: true, force: true });
    });

    const bottomChange = changes(
      mode(".", 0o751),
      directory("etc", 0o750),
      file("etc/keep", "keep"),
      file("etc/drop", "drop"),
      directory("var"),
      directory("var/cache"),
      file("var/cache/old", "old"),
      file("top", "bottom's"),
      directory("swap"),
      file("swap/f", "f"),
    );

    const bottom = () => handMadeLayer(snapshotter, bottomChange);

    /** Its directories are complete, as settling leaves them: attributes of the lower ones, parents of deletions. */
    const top = () =>
      handMadeLayer(
        snapshotter,
        changes(
          mode(".", 0o751),
          directory("etc", 0o750),
          file("etc/new", "new"),
          directory("var"),
          directory("var/cache", 0o700),
          file("var/cache/fresh", "fresh"),
          file("top", "top's"),
          symlink("etc", "swap"),
        ),
        { whiteouts: ["etc/drop"], opaques: ["var/cache"] },
      );

    async function adoptBoth(): Promise<void> {
      const layers = [
        { name: "B", parent: "", settled: (await bottom()).settled },
        { name: "T", parent: "B", settled: (await top()).settled, labels: { l: "1" } },
      ];
      await snapshotter.adopt(layers);
    }

    async function treeOf(parent: string): Promise<readonly string[]> {
      const mounts = await snapshotter.view("look", parent);
      try {
        return access(mounts, (dir) => describeTree(dir));
      } finally {
        await snapshotter.remove("look");
      }
    }

    function withoutOwners(lines: readonly string[]): readonly string[] {
      return lines.map((line) => line.replace(/ \d+:\d+/, ""));
    }

    it("shows both layers with the deletions acting on the lower one only", async () => {
      await adoptBoth();
      expect(withoutOwners(await treeOf("B"))).toEqual([
        ". 751 directory",
        "etc 750 directory",
        'etc/drop 644 "drop"',
        'etc/keep 644 "keep"',
        "swap 755 directory",
        'swap/f 644 "f"',
        'top 644 "bottom\'s"',
        "var 755 directory",
        "var/cache 755 directory",
        'var/cache/old 644 "old"',
      ]);
      expect(withoutOwners(await treeOf("T"))).toEqual([
        ". 751 directory",
        "etc 750 directory",
        'etc/keep 644 "keep"',
        'etc/new 644 "new"',
        "swap -> etc",
        'top 644 "top\'s"',
        "var 755 directory",
        "var/cache 700 directory",
        'var/cache/fresh 644 "fresh"',
      ]);
    });

    it("records parent, labels and the layer's usage, and leaves no staging", async () => {
      await adoptBoth();
      expect(await snapshotter.stat("T")).toMatchObject({ kind: "committed", parent: "B", labels: { l: "1" } });
      expect(await snapshotter.stat("B")).toMatchObject({ kind: "committed", parent: "", labels: {} });
      expect(await snapshotter.usage("T")).toEqual({ inodes: 3, sizeBytes: 12_288 });
      expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
    });

    it("is a parent to prepare on, whose root directory looks like the layer's", async () => {
      await adoptBoth();
      const before = await treeOf("T");
      access(await snapshotter.prepare("active", "T"), (dir) => {
        expect(describeTree(dir)).toEqual(before);
        file("etc/keep", "changed")(dir);
      });
      await snapshotter.commit("next", "active");
      expect(await treeOf("T")).toEqual(before);
      expect(await treeOf("next")).toContain(
        before.find((line) => line.startsWith("etc/keep"))?.replace('"keep"', '"changed"'),
      );
    });

    it("adopts a copy of an active snapshot, which goes on by itself", async () => {
      await adoptBoth();
      const work = await snapshotter.prepare("work", "T");
      access(work, (dir) => {
        changes(removed("etc/keep"), removed("var/cache"), directory("var/cache", 0o711))(dir);
        changes(file("var/cache/mine", "m"), hardLink("var/cache/mine", "var/linked"))(dir);
      });
      const before = access(work, (dir) => describeTree(dir));
      const captured = await snapshotter.capture("work");
      expect(existsSync(join(captured.path, "fs"))).toBe(true);
      expect(readdirSync(await snapshotter.ownTree("work"))).toContain("var");
      access(work, (dir) => {
        file("var/cache/mine", "changed in place")(dir);
      });
      const usage = { inodes: 5, sizeBytes: 4096 };
      await snapshotter.adopt([{ name: "C", parent: "T", captured: { stagingDir: captured.path, usage } }]);
      await captured[Symbol.asyncDispose]();
      expect(await treeOf("C")).toEqual(before);
      expect(await snapshotter.stat("C")).toMatchObject({ kind: "committed", parent: "T" });
      expect(await snapshotter.usage("C")).toEqual(usage);
      expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
      expect((await snapshotter.stat("work")).kind).toBe("active");
    });

    it("captures only what is active", async () => {
      await adoptBoth();
      await snapshotter.view("seen", "T");
      for (const [key, code] of [
        ["T", "ERR_FAILED_PRECONDITION"],
        ["seen", "ERR_FAILED_PRECONDITION"],
        ["nothing", "ERR_NOT_FOUND"],
      ] as const) {
        await expect(snapshotter.capture(key)).rejects.toThrow(expect.objectContaining({ code }));
        await expect(snapshotter.ownTree(key)).rejects.toThrow(expect.objectContaining({ code }));
      }
      expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
    });

    it("keeps the times of directories", async () => {
      const { settled } = await bottom();
      await snapshotter.adopt([{ name: "B", parent: "", settled }]);
      const upper = await top();
      const fs = join(upper.staged.path, "fs");
      for (const dir of ["etc", "var/cache", "."]) utimesSync(join(fs, dir), 1000, 2000);
      await snapshotter.adopt([{ name: "T", parent: "B", settled: upper.settled }]);
      access(await snapshotter.view("look", "T"), (dir) => {
        const times = ["etc", "var/cache", "."].map((path) => lstatSync(join(dir, path)).mtimeMs);
        expect(times).toEqual([2_000_000, 2_000_000, 2_000_000]);
      });
    });

    it("adopts on what is there already and drops what it has", async () => {
      await adoptBoth();
      const before = [await snapshotter.stat("B"), await treeOf("B")];
      const other = await handMadeLayer(snapshotter, file("other", "other"));
      const third = await handMadeLayer(snapshotter, file("third", "third"));
      await snapshotter.adopt([
        { name: "B", parent: "", settled: other.settled },
        { name: "3", parent: "T", settled: third.settled },
      ]);
      expect([await snapshotter.stat("B"), await treeOf("B")]).toEqual(before);
      expect((await treeOf("3")).some((line) => line.startsWith("third "))).toBe(true);
      expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
    });

    it("makes all of them visible or none", async () => {
      await snapshotter.prepare("T", "");
      const [low, high] = [await bottom(), await top()];
      const layers = [
        { name: "B", parent: "", settled: low.settled },
        { name: "T", parent: "B", settled: high.settled },
      ];
      await expect(snapshotter.adopt(layers)).rejects.toThrow(
        expect.objectContaining({ code: "ERR_FAILED_PRECONDITION" }),
      );
      await expect(snapshotter.stat("B")).rejects.toThrow(expect.objectContaining({ code: "ERR_NOT_FOUND" }));
      for (const { staged } of [low, high]) await staged[Symbol.asyncDispose]();
      expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
      expect(readdirSync(join(root, "snapshots")).length).toBe(2);
    });

    it("writes what belongs to the layers in their transaction: both are there or none", async () => {
      const { settled, staged } = await bottom();
      const fails = snapshotter.adopt([{ name: "B", parent: "", settled }], (sql) => {
        sql.run("INSERT INTO images VALUES ('n', 'd', 'm', 1, 1, 1)");
        throw new Error("as a crash would");
      });
      await expect(fails).rejects.toThrow("as a crash would");
      await expect(snapshotter.stat("B")).rejects.toThrow(expect.objectContaining({ code: "ERR_NOT_FOUND" }));
      await staged[Symbol.asyncDispose]();
      expect(readdirSync(join(root, "snapshots"))).toEqual(["backend"]);

      const again = await bottom();
      const seen: number[] = [];
      await snapshotter.adopt([{ name: "B", parent: "", settled: again.settled }], (sql) => {
        seen.push(sql.all("SELECT * FROM images").length, sql.all("SELECT * FROM snapshots WHERE name = 'B'").length);
      });
      expect(seen).toEqual([0, 1]);
    });

    it("refuses a parent that is not there", async () => {
      const { settled, staged } = await bottom();
      const adoption = snapshotter.adopt([{ name: "B", parent: "nothing", settled }]);
      await expect(adoption).rejects.toThrow(expect.objectContaining({ code: "ERR_NOT_FOUND" }));
      await staged[Symbol.asyncDispose]();
      expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
    });

    it("repairs a snapshot whose directory is lost", async () => {
      await adoptBoth();
      const before = await treeOf("T");
      const [layer] = await snapshotter.lowerLayers("T");
      rmSync(dirname(layer?.dir ?? ""), { recursive: true });
      await expect(snapshotter.lowerLayers("T")).rejects.toThrow(expect.objectContaining({ code: "ERR_DATA_LOSS" }));
      const { settled } = await top();
      await snapshotter.adopt([{ name: "T", parent: "B", settled }]);
      expect(await treeOf("T")).toEqual(before);
      expect(readdirSync(join(root, "snapshots")).length).toBe(3);
    });

    it("names the lower layers of an adopted one, topmost first", async () => {
      await adoptBoth();
      const layers = await snapshotter.lowerLayers("T");
      const files = layers.map(({ dir }) => readdirSync(join(dir, "etc")).includes("new"));
      expect(files).toEqual(snapshotter.backend === "overlay" ? [true, false] : [true]);
    });

    it("keeps the store's directories to their owner and the layer's mode on its root", async () => {
      const umask = process.umask(0);
      try {
        await adoptBoth();
        const [layer] = await snapshotter.lowerLayers("T");
        const tree = layer?.dir ?? "";
        const modeOf = (path: string) => lstatSync(path).mode & 0o7777;
        expect([
          modeOf(tree),
          modeOf(dirname(tree)),
          modeOf(join(root, "snapshots")),
          modeOf(join(root, "staging")),
        ]).toEqual([0o751, 0o700, 0o700, 0o700]);
      } finally {
        process.umask(umask);
      }
    });
  });
}
