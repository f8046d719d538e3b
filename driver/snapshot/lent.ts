import type { SnapshotInfo } from "./snapshotter.ts";

/**
 * An unpacked layer of the store that containerd uses too: it has asked for a snapshot of this chainID by this label,
 * and been told that it is there. Until containerd removes it, it stays, whatever becomes of the store's images.
 */
export const lentLabel = "containerd.io/snapshot.ref";

export function isLent({ name, labels }: SnapshotInfo): boolean {
  return labels[lentLabel] === name;
}

/**
 * An unpacked layer without an image, brought because containerd is about to ask for it: it stays until it is lent, or
 * until the time that this says, in milliseconds since 1970.
 */
export const heldLabel = "laminate/held-until";

/** containerd asks for an image's layers within moments; who has given up comes back within minutes. */
export const holdMs: number = 10 * 60 * 1000;

export function heldFromNow(): Readonly<Record<string, string>> {
  return { [heldLabel]: String(Date.now() + holdMs) };
}

/** A time that is further away than anything is held is of a clock that was wrong. */
export function isHeld({ labels }: SnapshotInfo): boolean {
  const leftMs = Number(labels[heldLabel] ?? 0) - Date.now();
  return leftMs > 0 && leftMs <= holdMs;
}
