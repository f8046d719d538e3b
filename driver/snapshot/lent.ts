import type { SnapshotInfo } from "./snapshotter.ts";

/**
 * An unpacked layer of the store that containerd uses too: it has asked for a snapshot of this chainID by this label,
 * and been told that it is there. Until containerd removes it, it stays, whatever becomes of the store's images.
 */
export const lentLabel = "containerd.io/snapshot.ref";

export function isLent({ name, labels }: SnapshotInfo): boolean {
  return labels[lentLabel] === name;
}
