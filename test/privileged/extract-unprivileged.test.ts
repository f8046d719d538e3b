/** What an ordinary user's store does with the same layers: modes that keep even the owner out must not stop it. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mergeSettled } from "../../driver/extract/merge-tree.ts";
import { detectPrivileges } from "../../driver/sys/privileges.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needRoot } from "../need.ts";
import { settleTar } from "../suites/layer-stack.ts";
import { describeTree, readTree } from "../suites/model-tree.ts";
import { brief, dir, file, link, opaque, symlink, whiteout } from "../suites/shown.ts";

const nobody = 65_534;

describe.skipIf(needRoot().missing)("extracting as an ordinary user", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "unprivileged-"));
    chownSync(root, nobody, nobody);
    chmodSync(root, 0o700);
  });
  afterEach(() => {
    removeTree(root);
  });

  function asNobody<T>(run: () => T): T {
    process.setegid?.(nobody);
    process.seteuid?.(nobody);
    try {
      return run();
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
  }

  it("lays, settles and merges directories that their owner may not read or write", () => {
    const tree = join(root, "tree");
    const layers = [
      [
        dir("ro", { mode: 0o555, mtimeNs: 7n }),
        file("ro/low", "low", { mode: 0 }),
        file("ro/gone"),
        dir("ro/deep", { mode: 0o500 }),
        file("ro/deep/er/f"),
        dir("wo", { mode: 0o300 }),
        file("wo/f"),
        symlink("s", "ro"),
      ],
      [
        file("s/new", "new"),
        whiteout("ro/gone"),
        opaque("ro/deep"),
        link("copy", "ro/low"),
        dir("moved", { mode: 0o555 }),
        file("moved/in", "in"),
        opaque("wo"),
      ],
    ];
    asNobody(() => {
      const privileges = detectPrivileges();
      expect(privileges).toMatchObject({ uid: nobody, canChown: false, canMknod: false });
      mkdirSync(tree);
      layers.forEach((layer, index) => {
        const lowers = index === 0 ? [] : [{ dir: tree, whiteouts: [], opaques: [] }];
        const { settled } = settleTar(join(root, `staging${index}`), tar(layer), lowers, privileges);
        mergeSettled(tree, settled, privileges);
      });
    });
    const lines = describeTree(readTree(tree));
    expect(lines).toContain(`ro directory 555 ${nobody}:${nobody} 7`);
    expect(brief(lines)).toEqual([
      'copy file 0 "low"',
      "moved directory 555",
      'moved/in file 644 "in"',
      "ro directory 555",
      "ro/deep directory 500",
      'ro/low file 0 "low"',
      'ro/new file 644 "new"',
      's symlink "ro"',
      "wo directory 300",
    ]);
  });
});
