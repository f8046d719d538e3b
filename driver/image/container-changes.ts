import { listChanges } from "../diff/list-changes.ts";
import type { Snapshotter } from "../snapshot/snapshotter.ts";
import { isMountPoint, keptAttributes, mountPointDirectory } from "./mount-points.ts";
import { diffKind } from "./stacks.ts";

/** One line of `diff`: added, changed or deleted. */
export interface ContainerChange {
  readonly kind: "A" | "C" | "D";
  /** Absolute, in the container; bytes that are no UTF-8 are replaced. */
  readonly path: string;
}

/** What the container of this snapshot has changed, as long as nobody writes to it meanwhile; in order of path. */
export async function containerChanges(snapshotter: Snapshotter, key: string): Promise<readonly ContainerChange[]> {
  const { parent } = await snapshotter.stat(key);
  const tree = await snapshotter.ownTree(key);
  const kind = await diffKind(snapshotter, parent, tree);
  const lowers = await snapshotter.lowerLayers(parent);
  const all = listChanges(kind);
  const made = all.filter((change) => change.kind !== "A" || !isMountPoint(tree, change.path));
  const isLeft = made.some(({ path }) => path.startsWith(`${mountPointDirectory}/`));
  const isImplied = made.length < all.length && !isLeft && keptAttributes(tree, lowers);
  return made
    .filter(({ path }) => !isImplied || path !== mountPointDirectory)
    .map((change) => ({ kind: change.kind, path: `/${Buffer.from(change.path, "latin1").toString()}` }));
}
