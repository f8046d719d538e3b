/**
 * The contract of driver/snapshot/snapshotter.ts, run against every backend. The cases are those that containerd runs
 * against its snapshotters, by the same names, and the codes it requires.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clockRealtimeNs } from "../../driver/sys/linux.ts";
import type { Snapshotter, SnapshotInfo } from "../../driver/snapshot/snapshotter.ts";
import type { ErrorCode } from "../../driver/base/errors.ts";
import {
  type Change,
  changes,
  describeTree,
  directory,
  file,
  hardLink,
  mode,
  owner,
  removed,
  symlink,
} from "./file-changes.ts";
import { type Access, mountedAccess } from "./mount-access.ts";

export interface OpenStore extends AsyncDisposable {
  readonly snapshotter: Snapshotter;
}

export interface SuiteOptions {
  /** Default: real mounts, for which the suite needs root. */
  readonly access?: Access;
  /** False where this process may not give files away; then the cases about owners are left out. */
  readonly canChown?: boolean;
}

/** `open` opens the store below a directory; it is called again on the same one to see what persists. */
export function snapshotterSuite(
  name: string,
  open: (root: string) => Promise<OpenStore>,
  { access = mountedAccess, canChown = true }: SuiteOptions = {},
): void {
  describe(`snapshotter ${name}`, () => {
    let root: string;
    let store: OpenStore;
    let snapshotter: Snapshotter;
    let umask: number;

    beforeEach(async () => {
      umask = process.umask(0);
      root = mkdtempSync(join(tmpdir(), "snapshotter-"));
      store = await open(root);
      snapshotter = store.snapshotter;
    });
    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      rmSync(root, { recursive: true, force: true });
      process.umask(umask);
    });

    /** Commits `change` on `parent`, as `committed`. */
    async function commitChange(committed: string, parent: string, change: Change): Promise<void> {
      const key = `${committed}-active`;
      access(await snapshotter.prepare(key, parent), change);
      await snapshotter.commit(committed, key);
    }

    async function treeOf(parent: string): Promise<readonly string[]> {
      const mounts = await snapshotter.view("look", parent);
      try {
        return access(mounts, (dir) => describeTree(dir));
      } finally {
        await snapshotter.remove("look");
      }
    }

    /** Commits each change on the one before and compares with the changes applied to one directory. */
    async function expectStack(...stack: readonly Change[]): Promise<void> {
      const flat = mkdtempSync(join(tmpdir(), "flat-"));
      mode(".", 0o755)(flat);
      try {
        let parent = "";
        for (const [index, change] of stack.entries()) {
          const mounts = await snapshotter.prepare(`active-${index}`, parent);
          access(mounts, (dir) => {
            expect(describeTree(dir)).toEqual(describeTree(flat));
            change(dir);
            change(flat);
            expect(describeTree(dir)).toEqual(describeTree(flat));
          });
          parent = `committed-${index}`;
          await snapshotter.commit(parent, `active-${index}`);
        }
        expect(await treeOf(parent)).toEqual(describeTree(flat));
      } finally {
        rmSync(flat, { recursive: true });
      }
    }

    /** c1 <- c2 <- a1, v1; a2 and v2 on nothing. */
    async function makeBase(): Promise<void> {
      await snapshotter.prepare("c1-a", "");
      await snapshotter.commit("c1", "c1-a");
      await snapshotter.prepare("c2-a", "c1");
      await snapshotter.commit("c2", "c2-a");
      await snapshotter.prepare("a1", "c2");
      await snapshotter.prepare("a2", "");
      await snapshotter.view("v1", "c2");
      await snapshotter.view("v2", "");
    }

    async function walked(...filters: readonly string[]): Promise<readonly SnapshotInfo[]> {
      const all: SnapshotInfo[] = [];
      for await (const info of snapshotter.walk(filters)) all.push(info);
      return all;
    }

    async function namesWalked(...filters: readonly string[]): Promise<readonly string[]> {
      return (await walked(...filters)).map((info) => info.name).sort();
    }

    function refused(code: ErrorCode, message = /^cannot /): unknown {
      return expect.objectContaining({ code, message: expect.stringMatching(message) as string });
    }

    describe("life cycle", () => {
      it("prepares, commits, builds on it and removes (Basic)", async () => {
        const first = changes(file("foo", "foo\n", 0o777), directory("a"), directory("a/b"), directory("a/b/c"));
        const second = changes(file("bar", "bar\n", 0o777), file("foo", "bar\n", 0o777), removed("a/b"));
        await commitChange("one", "", first);
        await expect(snapshotter.stat("one-active")).rejects.toThrow(refused("ERR_NOT_FOUND"));
        expect(await snapshotter.stat("one")).toMatchObject({ name: "one", parent: "", kind: "committed" });

        const mounts = await snapshotter.prepare("next", "one");
        access(mounts, (dir) => {
          expect(describeTree(dir).map((line) => line.split(" ")[0])).toEqual([".", "a", "a/b", "a/b/c", "foo"]);
          second(dir);
        });
        expect(await snapshotter.mounts("next")).toEqual(mounts);
        expect(await snapshotter.stat("next")).toMatchObject({ parent: "one", kind: "active" });
        await snapshotter.commit("two", "next");
        expect(await snapshotter.stat("two")).toMatchObject({ parent: "one", kind: "committed" });
        expect(await walked()).toEqual([await snapshotter.stat("one"), await snapshotter.stat("two")]);
        expect((await treeOf("two")).map((line) => line.split(" ")[0])).toEqual([".", "a", "bar", "foo"]);

        await expect(snapshotter.remove("one")).rejects.toThrow(refused("ERR_FAILED_PRECONDITION", /remove/));
        await snapshotter.remove("two");
        await snapshotter.remove("one");
        expect(await walked()).toEqual([]);
      });

      it("reports an active snapshot as it is used (StatActive)", async () => {
        access(await snapshotter.prepare("active", ""), file("foo", "foo\n"));
        expect(await snapshotter.stat("active")).toMatchObject({ name: "active", kind: "active", parent: "" });
      });

      it("commits with labels of its own and a new time of creation (StatCommitted)", async () => {
        await snapshotter.prepare("active", "", { labels: { old: "1" } });
        const { createdNs } = await snapshotter.stat("active");
        await snapshotter.commit("done", "active", { labels: { fresh: "2", none: "" } });
        const info = await snapshotter.stat("done");
        expect(info.labels).toEqual({ fresh: "2" });
        expect(info.createdNs).toBeGreaterThan(createdNs);
        expect(info.updatedNs).toBe(info.createdNs);
      });

      it("keeps the chain of parents (Transitivity)", async () => {
        await commitChange("A", "", file("foo", "foo\n"));
        await commitChange("B", "A", file("foo", "foo bar\n"));
        const b = await snapshotter.stat("B");
        expect([(await snapshotter.stat("A")).parent, b.parent, (await snapshotter.stat(b.parent)).parent]).toEqual([
          "",
          "A",
          "",
        ]);
      });

      it("lets go of a name with its snapshot (Remove)", async () => {
        await snapshotter.prepare("committed-a", "");
        await snapshotter.commit("committed-1", "committed-a");
        await snapshotter.prepare("reuse-1", "committed-1");
        await snapshotter.remove("reuse-1");
        await snapshotter.view("reuse-1", "committed-1");
        await snapshotter.remove("reuse-1");
        await snapshotter.prepare("reuse-1", "");
        await snapshotter.remove("committed-1");
        await snapshotter.commit("committed-1", "reuse-1");
      });

      it("is reminded of its parent at commit, and told it where overlay keeps it apart (Rebase)", async () => {
        await commitChange("base", "", file("f", "below\n"));
        await snapshotter.prepare("reminded-active", "base");
        await snapshotter.commit("reminded", "reminded-active", { parent: "base" });
        expect((await snapshotter.stat("reminded")).parent).toBe("base");

        access(await snapshotter.prepare("told-active", ""), file("g", "above\n"));
        const told = snapshotter.commit("told", "told-active", { parent: "base" });
        if (snapshotter.backend === "copy") {
          await expect(told).rejects.toThrow(refused("ERR_UNIMPLEMENTED"));
        } else {
          await told;
          expect((await snapshotter.stat("told")).parent).toBe("base");
          expect((await treeOf("told")).map((line) => line.split(" ")[0])).toEqual([".", "f", "g"]);
        }
      });

      it("removes from the top down only (RemoveIntermediate)", async () => {
        await commitChange("base", "", changes());
        await commitChange("middle", "base", changes());
        await snapshotter.prepare("top", "middle");
        for (const name of ["middle", "base"]) {
          await expect(snapshotter.remove(name)).rejects.toThrow(refused("ERR_FAILED_PRECONDITION", /remove/));
        }
        for (const name of ["top", "middle", "base"]) await snapshotter.remove(name);
      });

      it("is closed twice without harm and refuses after that (CloseTwice)", async () => {
        await snapshotter[Symbol.asyncDispose]();
        await snapshotter[Symbol.asyncDispose]();
        await expect(snapshotter.stat("x")).rejects.toThrow(refused("ERR_UNAVAILABLE"));
        await expect(walked()).rejects.toThrow(refused("ERR_UNAVAILABLE"));
      });

      it("finds everything again when opened anew (ClosePersist)", async () => {
        await commitChange("base", "", file("foo", "foo\n"));
        await snapshotter.prepare("active", "base", { labels: { l: "1" } });
        const before = [
          await walked(),
          await snapshotter.mounts("active"),
          await snapshotter.usage("base"),
          await treeOf("base"),
        ];
        await store[Symbol.asyncDispose]();
        store = await open(root);
        snapshotter = store.snapshotter;
        expect([
          await walked(),
          await snapshotter.mounts("active"),
          await snapshotter.usage("base"),
          await treeOf("base"),
        ]).toEqual(before);
      });
    });

    describe("refusals", () => {
      beforeEach(makeBase);

      it.each(["stat", "mounts", "usage", "remove"] as const)("%s of an unknown key is not found", async (verb) => {
        await expect(snapshotter[verb]("nothing")).rejects.toThrow(refused("ERR_NOT_FOUND"));
      });

      it("update and commit of an unknown key are not found", async () => {
        await expect(snapshotter.update({ name: "nothing", labels: {} })).rejects.toThrow(refused("ERR_NOT_FOUND"));
        await expect(snapshotter.commit("new", "nothing")).rejects.toThrow(refused("ERR_NOT_FOUND"));
      });

      it.each(["prepare", "view"] as const)("%s of a taken key exists already (PrepareView)", async (verb) => {
        for (const key of ["a1", "v1", "c1"]) {
          await expect(snapshotter[verb](key, "c2")).rejects.toThrow(refused("ERR_ALREADY_EXISTS"));
        }
      });

      it.each(["prepare", "view"] as const)("%s on a parent that is unknown or not committed", async (verb) => {
        await expect(snapshotter[verb]("new", "nothing")).rejects.toThrow(refused("ERR_NOT_FOUND"));
        for (const parent of ["a1", "v1"]) {
          await expect(snapshotter[verb]("new", parent)).rejects.toThrow(refused("ERR_INVALID_ARGUMENT"));
        }
        await expect(snapshotter.stat("new")).rejects.toThrow(refused("ERR_NOT_FOUND"));
      });

      it("commit to a taken name exists already, its own key included", async () => {
        for (const name of ["c1", "v1", "a2", "a1"]) {
          await expect(snapshotter.commit(name, "a1")).rejects.toThrow(refused("ERR_ALREADY_EXISTS"));
        }
        expect((await snapshotter.stat("a1")).kind).toBe("active");
      });

      it("commit of a view or a committed snapshot", async () => {
        for (const key of ["v1", "c2"]) {
          await expect(snapshotter.commit("new", key)).rejects.toThrow(refused("ERR_FAILED_PRECONDITION"));
        }
      });

      it("commit on another parent, or one that is unknown or not committed", async () => {
        const onto = (parent: string, key = "a2") => snapshotter.commit("new", key, { parent });
        await expect(onto("nothing")).rejects.toThrow(refused("ERR_NOT_FOUND"));
        await expect(onto("v1")).rejects.toThrow(refused("ERR_FAILED_PRECONDITION"));
        await expect(onto("c1", "a1")).rejects.toThrow(refused("ERR_INVALID_ARGUMENT"));
        expect((await snapshotter.stat("a2")).kind).toBe("active");
      });

      it("mounts of a committed snapshot", async () => {
        await expect(snapshotter.mounts("c1")).rejects.toThrow(refused("ERR_FAILED_PRECONDITION"));
      });

      it("empty names", async () => {
        await expect(snapshotter.prepare("", "")).rejects.toThrow(refused("ERR_INVALID_ARGUMENT"));
        await expect(snapshotter.commit("", "a1")).rejects.toThrow(refused("ERR_INVALID_ARGUMENT"));
      });

      it("malformed filters, and fields that do not change", async () => {
        await expect(walked("kind=active")).rejects.toThrow(refused("ERR_INVALID_ARGUMENT"));
        const update = snapshotter.update({ name: "c1", labels: {} }, ["parent"]);
        await expect(update).rejects.toThrow(refused("ERR_INVALID_ARGUMENT"));
      });
    });

    describe("information", () => {
      it("changes labels and the time of update, nothing else (Update)", async () => {
        const t1 = clockRealtimeNs();
        await makeBase();
        const t2 = clockRealtimeNs();
        for (const name of ["c1", "c2", "a1", "a2", "v1", "v2"]) {
          const before = await snapshotter.stat(name);
          expect(before.createdNs >= t1 && before.createdNs <= t2).toBe(true);
          expect(before.updatedNs).toBe(before.createdNs);

          const labels = { l1: "v1", l2: "v2", l3: "v3", "containerd.io/gc.root": "now" };
          const u1 = clockRealtimeNs();
          const all = await snapshotter.update({ name, labels });
          const u2 = clockRealtimeNs();
          expect(all).toEqual({ ...before, labels, updatedNs: all.updatedNs });
          expect(all.updatedNs >= u1 && all.updatedNs <= u2).toBe(true);

          const wanted = { l1: "updated", l4: "v4" };
          const some = await snapshotter.update({ name, labels: wanted }, ["labels.l1", "labels.l2"]);
          expect(some.labels).toEqual({ l1: "updated", l3: "v3", "containerd.io/gc.root": "now" });
          expect((await snapshotter.update({ name, labels: { l4: "v4" } }, ["labels"])).labels).toEqual({ l4: "v4" });
          expect((await snapshotter.stat(name)).labels).toEqual({ l4: "v4" });
        }
      });

      it("walks what filters match (Walk)", async () => {
        await snapshotter.prepare("a-np", "");
        await snapshotter.prepare("p-tmp", "");
        await snapshotter.commit("p", "p-tmp");
        await snapshotter.prepare("a", "p");
        await snapshotter.view("v", "p");
        await snapshotter.prepare("p-wl-tmp", "");
        await snapshotter.commit("p-wl", "p-wl-tmp", { labels: { l: "1" } });
        await snapshotter.prepare("a-wl", "p-wl", { labels: { l: "2" } });
        await snapshotter.view("v-wl", "p-wl", { labels: { l: "3" } });
        await snapshotter.prepare("a-np-wl", "", { labels: { l: "2" } });

        expect(await namesWalked()).toEqual(["a", "a-np", "a-np-wl", "a-wl", "p", "p-wl", "v", "v-wl"]);
        expect(await namesWalked("kind==active")).toEqual(["a", "a-np", "a-np-wl", "a-wl"]);
        expect(await namesWalked("kind==view")).toEqual(["v", "v-wl"]);
        expect(await namesWalked("kind==committed")).toEqual(["p", "p-wl"]);
        expect(await namesWalked("name==p", "name==a-np-wl")).toEqual(["a-np-wl", "p"]);
        expect(await namesWalked("name==a-wl,labels.l")).toEqual(["a-wl"]);
        expect(await namesWalked("parent==p")).toEqual(["a", "v"]);
        expect(await namesWalked('parent!=""')).toEqual(["a", "a-wl", "v", "v-wl"]);
        expect(await namesWalked("labels.l")).toEqual(["a-np-wl", "a-wl", "p-wl", "v-wl"]);
        expect(await namesWalked("labels.l==2")).toEqual(["a-np-wl", "a-wl"]);
      });

      it("answers and changes while a walk is under way (StatInWalk)", async () => {
        await makeBase();
        const seen: string[] = [];
        for await (const info of snapshotter.walk()) {
          if (info.name !== "gone") expect(await snapshotter.stat(info.name)).toEqual(info);
          if (seen.length === 0) await snapshotter.prepare("gone", "");
          seen.push(info.name);
        }
        expect(seen).toEqual(expect.arrayContaining(["c1", "c2", "a1", "a2", "v1", "v2"]));
      });

      it("walks more snapshots than it reads at a time", async () => {
        for (let n = 0; n < 205; n++) await snapshotter.view(`view-${n}`, "");
        expect((await namesWalked()).length).toBe(205);
      });

      it("counts an active snapshot's own files, links once, and keeps the count at commit (Usage)", async () => {
        await commitChange("base", "", file("big", "b".repeat(1_000_000)));
        const base = await snapshotter.usage("base");
        expect(base.sizeBytes).toBeGreaterThanOrEqual(1_000_000);
        expect(base.inodes).toBe(2);

        access(
          await snapshotter.prepare("active", "base"),
          changes(directory("d"), file("d/f", "x"), hardLink("d/f", "d/g")),
        );
        const active = await snapshotter.usage("active");
        expect(active.sizeBytes).toBeLessThan(100_000);
        expect(active.inodes).toBeGreaterThanOrEqual(2);
        expect(active.inodes).toBeLessThanOrEqual(3);
        await snapshotter.commit("top", "active");
        expect(await snapshotter.usage("top")).toEqual(active);
        await snapshotter.view("view", "top");
        expect(await snapshotter.usage("view")).toEqual({ inodes: 0, sizeBytes: 0 });
      });
    });

    describe("contents", () => {
      it("gives a new root directory mode 0755 whatever the umask (RootPermission)", async () => {
        process.umask(0o077);
        const [line] = access(await snapshotter.prepare("active", ""), (dir) => describeTree(dir));
        expect(line).toBe(`. 755 ${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0} directory`);
      });

      it("updates files (LayerFileUpdate)", async () => {
        await expectStack(
          changes(file("foo", "foo\n"), file("bar", "bar\n", 0o600)),
          file("foo", "foo2\n"),
          changes(file("bar", "bar2\n"), mode("foo", 0o4711)),
        );
      });

      it("removes a directory and makes it anew (RemoveDirectoryInLowerLayer)", async () => {
        await expectStack(
          changes(directory("dir1"), file("dir1/f1", "1"), directory("dir1/sub"), file("dir1/sub/f", "s")),
          removed("dir1"),
          changes(directory("dir1"), file("dir1/f2", "2")),
          changes(removed("dir1"), directory("dir1", 0o700), file("dir1/f3", "3")),
        );
      });

      if (canChown)
        it("changes owners (Chown)", async () => {
          await expectStack(
            changes(directory("opt"), directory("opt/a"), file("opt/a/b", "b"), file("opt/c", "c")),
            changes(owner("opt/a", 1, 2), owner("opt/a/b", 3, 4), owner("opt", 0, 5)),
            changes(owner(".", 7, 8)),
            file("new", "n"),
          );
        });

      it("keeps the mode of a changed directory through commits (DirectoryPermissionOnCommit)", async () => {
        await expectStack(
          changes(directory("dir1", 0o700), directory("dir2", 0o777), directory("dir3", 0o1777)),
          changes(file("dir1/f", "1"), file("dir2/f", "2"), file("dir3/f", "3")),
          changes(mode("dir1", 0o2755), mode(".", 0o711)),
          file("dir1/g", "g"),
        );
      });

      it("deletes files (DeletedFilesInChild)", async () => {
        await expectStack(changes(file("foo", "foo\n"), file("foobar", "foobar\n")), removed("foobar"), changes());
      });

      it("moves files from a lower layer (MoveFileFromLowerLayer)", async () => {
        await expectStack(
          changes(directory("dir1", 0o700), file("dir1/f1", "Hello"), directory("dir2", 0o700), file("dir2/f2", "...")),
          changes(
            directory("dir3", 0o700),
            file("dir3/f1", "Hello"),
            removed("dir1"),
            hardLink("dir2/f2", "dir3/f2"),
            removed("dir2/f2"),
          ),
        );
      });

      it("renames by copying (Rename)", async () => {
        await expectStack(
          changes(
            directory("dir1"),
            directory("somefiles"),
            file("somefiles/f1", "was here first!"),
            directory("dir2"),
            file("dir2/f2", "2"),
          ),
          changes(
            directory("dir3"),
            removed("dir1"),
            hardLink("somefiles/f1", "somefiles/f1-new"),
            removed("somefiles/f1"),
            removed("dir2"),
            file("dir2", "a file now"),
          ),
          changes(removed("dir2"), directory("dir2"), symlink("../somefiles/f1-new", "dir2/link")),
        );
      });

      it("mounts 128 layers (128LayersMount)", { timeout: 120_000 }, async () => {
        const lowest = changes(
          file("bottom", "way at the bottom\n", 0o777),
          file("overwriteme", "FIRST!\n", 0o777),
          directory("addhere"),
          directory("onlyme"),
          file("onlyme/bottom", "bye!\n", 0o777),
        );
        const others = Array.from({ length: 127 }, (_, index) =>
          changes(
            file("overwriteme", `${index} WAS HERE!\n`, 0o777),
            file(`addhere/file-${index}`, "same\n", 0o755),
            removed("onlyme"),
            directory("onlyme"),
            file(`onlyme/file-${index}`, "only me!\n", 0o777),
          ),
        );
        await expectStack(lowest, ...others);
      });

      if (access === mountedAccess)
        it("mounts a view read-only (ViewReadonly)", async () => {
          await commitChange("one", "", file("f", "1"));
          await commitChange("two", "one", file("f", "2"));
          for (const parent of ["", "one", "two"]) {
            access(await snapshotter.view(`view of ${parent}`, parent), (dir) => {
              expect(() => {
                writeFileSync(join(dir, "new"), "");
              }).toThrow(expect.objectContaining({ code: "EROFS" }));
            });
          }
        });

      it("leaves the parent as it was", async () => {
        await commitChange("base", "", changes(directory("d"), file("d/f", "1"), file("d/g", "2")));
        const before = await treeOf("base");
        access(
          await snapshotter.prepare("active", "base"),
          changes(file("d/f", "changed"), removed("d/g"), mode("d", 0o700)),
        );
        expect(await treeOf("base")).toEqual(before);
      });
    });

    describe("staging", () => {
      it("gives an empty tree that goes away when disposed of", async () => {
        const staged = await snapshotter.stage();
        mkdirSync(join(staged.path, "fs", "x"));
        await snapshotter.cleanup();
        expect(describeTree(join(staged.path, "fs")).length).toBe(2);
        await staged[Symbol.asyncDispose]();
        expect(() => describeTree(staged.path)).toThrow("ENOENT");
      });

      it("names lower layers topmost first and none for nothing", async () => {
        await makeBase();
        expect(await snapshotter.lowerLayers("")).toEqual([]);
        const layers = await snapshotter.lowerLayers("c2");
        expect(layers.length).toBe(snapshotter.backend === "overlay" ? 2 : 1);
        await expect(snapshotter.lowerLayers("nothing")).rejects.toThrow(refused("ERR_NOT_FOUND"));
        await expect(snapshotter.lowerLayers("a1")).rejects.toThrow(refused("ERR_INVALID_ARGUMENT"));
      });
    });
  });
}
