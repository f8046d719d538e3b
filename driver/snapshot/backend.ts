/**
 * What differs between the backends: how a tree on a parent is made, seen and measured. Names, kinds, labels, locks and
 * crash safety are snapshot-store.ts's and the same for all. Trees are absolute paths of directories that are there.
 */
import type { LowerLayer, SettledLayer } from "../extract/staged-layer.ts";
import type { Mount } from "../mount/mount.ts";
import type { Growth } from "./measure-tree.ts";
import type { SnapshotKind } from "./snapshotter.ts";

/** An active or view snapshot on disk. */
export interface SnapshotPlace {
  readonly kind: SnapshotKind;
  readonly tree: string;
  readonly work: string;
  /** Trees of its ancestors, nearest first. */
  readonly ancestors: readonly string[];
}

export interface Backend {
  readonly name: "overlay" | "copy";

  /** What kind of trees this writes, in one line: trees of another kind are not to be mixed with them. */
  readonly format: string;

  /** Whether {@link populate} copies files: then it works on a staged tree, and on the final one otherwise. */
  copiesFiles(parent: string | undefined, kind: SnapshotKind): boolean;

  /** Makes the empty `tree`, 0755, the beginning of an active or view snapshot on `parent`. */
  populate(tree: string, parent: string | undefined, kind: SnapshotKind): void;

  /** Copies an active snapshot's `tree` into the empty `copy`, so that it can stand on the same parent. */
  capture(tree: string, copy: string): void;

  mounts(place: SnapshotPlace): readonly Mount[];

  /** What is to be measured to know what `tree` adds to `parent`. */
  growth(tree: string, parent: string | undefined): Growth;

  /** Writes a settled layer's deletions the backend's way; returns the finished tree, within its staging directory. */
  finish(settled: SettledLayer, parent: string | undefined): string;

  /** A committed snapshot's tree and those of its ancestors, nearest first, as lower layers. */
  lowerLayers(trees: readonly string[]): readonly LowerLayer[];
}

export function bindMount(source: string, access: "rw" | "ro"): readonly Mount[] {
  return [{ type: "bind", source, target: "", options: [access, "rbind"] }];
}
