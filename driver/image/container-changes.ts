import { listChanges } from "../diff/list-changes.ts";
import type { Snapshotter } from "../snapshot/snapshotter.ts";
import { diffKind } from "./commit.ts";

/** One line of `diff`: added, changed or deleted. */
export interface ContainerChange {
  readonly kind: "A" | "C" | "D";
  /** Absolute, in the container; bytes that are no UTF-8 are replaced. */
  readonly path: string;
}

/** What the container of this snapshot has changed, as long as nobody writes to it meanwhile; in order of path. */
export async function containerChanges(snapshotter: Snapshotter, key: string): Promise<readonly ContainerChange[]> {
  const { parent } = await snapshotter.stat(key);
  const kind = await diffKind(snapshotter, parent, await snapshotter.ownTree(key));
  return listChanges(kind).map((change) => ({
    kind: change.kind,
    path: `/${Buffer.from(change.path, "latin1").toString()}`,
  }));
}
