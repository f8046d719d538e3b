/** What trees and layers show together, as sides of a comparison, whichever way the backend keeps them. */
import type { DiffKind } from "../diff/changes.ts";
import type { LowerLayer } from "../extract/staged-layer.ts";
import type { Snapshotter } from "../snapshot/snapshotter.ts";

/** What `upperDir`, the own tree of a snapshot on `parent`, changes. */
export async function diffKind(snapshotter: Snapshotter, parent: string, upperDir: string): Promise<DiffKind> {
  const lowers = await snapshotter.lowerLayers(parent);
  if (snapshotter.backend === "overlay") return { type: "overlay", upperDir, lowers };
  return { type: "trees", lowerDir: lowers[0]?.dir ?? null, upperDir };
}

/** What `upperDir`, the own tree of a snapshot, shows on top of `lowers`; topmost first. */
export function stackWith(
  { backend }: Snapshotter,
  upperDir: string,
  lowers: readonly LowerLayer[],
): readonly LowerLayer[] {
  const own: LowerLayer = { dir: upperDir, whiteouts: [], opaques: [] };
  return backend === "overlay" ? [own, ...lowers] : [own];
}

/** What `uppers` show that `lowers`, none for nothing at all, do not. */
export function stacksDiff(
  { backend }: Snapshotter,
  lowers: readonly LowerLayer[],
  uppers: readonly LowerLayer[],
): DiffKind {
  const [tree] = uppers;
  if (backend === "overlay" || tree === undefined) return { type: "stacks", lowers, uppers };
  return { type: "trees", lowerDir: lowers[0]?.dir ?? null, upperDir: tree.dir };
}
