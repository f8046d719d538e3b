import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { directAccess } from "../../suites/mount-access.ts";
import { changes, directory, file } from "../../suites/file-changes.ts";
import { handMadeLayer } from "../../suites/settled-layer.ts";
import { adoptSuite } from "../../suites/adopt-suite.ts";
import { openStore } from "../../suites/open-store.ts";
import { snapshotterSuite } from "../../suites/snapshotter-suite.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";

const { canChown } = detectPrivileges();

snapshotterSuite("copy, without mounts", (root) => openStore(root, "copy"), { access: directAccess, canChown });
adoptSuite("copy, without mounts", (root) => openStore(root, "copy"), { access: directAccess });

describe("copies of unpacked layers", () => {
  it("share unchanged files with each other and none with what is prepared on them", async () => {
    const root = mkdtempSync(join(tmpdir(), "sharing-"));
    try {
      await using store = await openStore(root, "copy");
      const { snapshotter } = store;
      const lower = await handMadeLayer(
        snapshotter,
        changes(directory("d"), file("d/kept", "1"), file("d/replaced", "1")),
      );
      const upper = await handMadeLayer(snapshotter, changes(directory("d"), file("d/replaced", "2")));
      await snapshotter.adopt([
        { name: "lower", parent: "", settled: lower.settled },
        { name: "upper", parent: "lower", settled: upper.settled },
      ]);
      const [below, above] = [await snapshotter.lowerLayers("lower"), await snapshotter.lowerLayers("upper")];
      const [active] = await snapshotter.prepare("active", "upper");
      const trees = [below[0]?.dir ?? "", above[0]?.dir ?? "", active?.source ?? ""];
      const inodes = trees.map((tree) => statSync(join(tree, "d/kept")).ino);
      expect(inodes[0]).toBe(inodes[1]);
      expect(inodes[2]).not.toBe(inodes[1]);
      writeFileSync(join(trees[2] ?? "", "d/kept"), "changed");
      const contents = trees.map((tree) =>
        ["kept", "replaced"].map((name) => readFileSync(join(tree, "d", name), "utf8")),
      );
      expect(contents).toEqual([
        ["1", "1"],
        ["1", "2"],
        ["changed", "2"],
      ]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
