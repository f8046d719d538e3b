/**
 * Snapshots as complete trees. An active one begins as a copy of its parent, sharing blocks where the file system can;
 * unpacked layers, which nobody writes to, share their unchanged files by hard links. Needs no privilege and no overlay;
 * a view needs no copy at all.
 *
 * Usage of an active or committed snapshot is its tree's less its parent's, never below zero: what was added less what
 * was deleted, where overlay counts what was added and the marks of what was deleted. An unpacked layer's usage is the
 * layer's own, as for overlay.
 */
import { join } from "node:path";
import { mergeSettled } from "../extract/merge-tree.ts";
import { copyTree } from "../sys/copy-tree.ts";
import type { Privileges } from "../sys/privileges.ts";
import { type Backend, bindMount } from "./backend.ts";
import { formatOf } from "./backend-format.ts";
import { makeDirectory } from "./make-directory.ts";

export function createCopyBackend(privileges: Privileges): Backend {
  return {
    name: "copy",
    format: formatOf("copy", privileges),
    copiesFiles: (parent, kind) => parent !== undefined && kind === "active",
    populate: (tree, parent, kind) => {
      if (parent !== undefined && kind === "active") copyTree(parent, tree, { privileges });
    },
    capture: (tree, copy) => {
      copyTree(tree, copy, { privileges });
    },
    mounts: ({ kind, tree, ancestors: [parent] }) =>
      kind === "active" ? bindMount(tree, "rw") : bindMount(parent ?? tree, "ro"),
    growth: (tree, parent) => ({ tree, below: parent }),
    finish: (settled, parent) => {
      const { stagingDir } = settled.layer;
      if (parent === undefined) return join(stagingDir, "fs");
      const tree = join(stagingDir, "merged");
      makeDirectory(tree, 0o755);
      // Merging takes names away and puts names in place, and never writes to a file that is there.
      copyTree(parent, tree, { privileges, share: true });
      mergeSettled(tree, settled, privileges);
      return tree;
    },
    lowerLayers: ([dir]) => (dir === undefined ? [] : [{ dir, whiteouts: [], opaques: [] }]),
  };
}
