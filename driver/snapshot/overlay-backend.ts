/**
 * Snapshots as overlay directories: each holds what it adds to its parent, with char 0:0 devices for deletions and an
 * extended attribute on opaque directories (kernel Documentation/filesystems/overlayfs.rst). Nothing here mounts.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeOverlayMarks } from "../extract/overlay-marks.ts";
import type { SettledLayer } from "../extract/staged-layer.ts";
import type { Mount } from "../mount/mount.ts";
import { formatOverlayOptions } from "../mount/overlay-options.ts";
import { copyAttributes } from "../sys/copy-file.ts";
import { copyTree } from "../sys/copy-tree.ts";
import { AT_FDCWD, O_DIRECTORY } from "../sys/constants.ts";
import { closeFd, openat } from "../sys/linux.ts";
import type { Privileges } from "../sys/privileges.ts";
import { type Backend, bindMount, type SnapshotPlace } from "./backend.ts";
import { formatOf } from "./backend-format.ts";

export function createOverlayBackend(privileges: Privileges): Backend {
  const kernelOptions = overlayKernelOptions(privileges);
  return {
    name: "overlay",
    format: formatOf("overlay", privileges),
    copiesFiles: () => false,
    /** The root directory of a mount is the topmost layer's: it must look like the parent's. */
    populate: (tree, parent) => {
      if (parent !== undefined) copyRootAttributes(parent, tree, privileges);
    },
    capture: (tree, copy) => {
      copyTree(tree, copy, { privileges, keepsOpaque: true });
    },
    mounts: (place) => overlayMounts(place, kernelOptions),
    growth: (tree) => ({ tree, below: undefined }),
    finish: ({ layer, whiteouts, opaques }: SettledLayer) => {
      const tree = join(layer.stagingDir, "fs");
      writeOverlayMarks(tree, whiteouts, opaques, privileges);
      return tree;
    },
    lowerLayers: (trees) => trees.map((dir) => ({ dir, whiteouts: [], opaques: [] })),
  };
}

/** The shapes of containerd's overlay snapshotter: a bind where there is only one directory to show. */
function overlayMounts({ kind, tree, work, ancestors }: SnapshotPlace, others: readonly string[]): readonly Mount[] {
  const [parent] = ancestors;
  if (kind === "active") {
    if (parent === undefined) return bindMount(tree, "rw");
    return overlay(formatOverlayOptions({ lowerDirs: ancestors, upperDir: tree, workDir: work, others }));
  }
  if (parent === undefined) return bindMount(tree, "ro");
  if (ancestors.length === 1) return bindMount(parent, "ro");
  return overlay(formatOverlayOptions({ lowerDirs: ancestors, others }));
}

function overlay(options: readonly string[]): readonly Mount[] {
  return [{ type: "overlay", source: "overlay", target: "", options }];
}

/**
 * Features that would make an upperdir mean more than a layer can say are off, whatever the kernel's defaults. With
 * userxattr the kernel has them off and refuses to hear it again.
 */
export function overlayKernelOptions({ overlayXattr }: Privileges): readonly string[] {
  const known = (parameter: string): boolean => existsSync(`/sys/module/overlay/parameters/${parameter}`);
  const features = overlayXattr === "user.overlay." ? ["index"] : ["index", "redirect_dir", "metacopy"];
  const off = features.filter(known).map((feature) => `${feature}=off`);
  return overlayXattr === "user.overlay." ? [...off, "userxattr"] : off;
}

function copyRootAttributes(from: string, to: string, privileges: Privileges): void {
  const source = openat(AT_FDCWD, from, O_DIRECTORY);
  try {
    const target = openat(AT_FDCWD, to, O_DIRECTORY);
    try {
      copyAttributes(source, target, { privileges });
    } finally {
      closeFd(target);
    }
  } finally {
    closeFd(source);
  }
}
