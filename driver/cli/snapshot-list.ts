/** Snapshots as the snapshots commands show them. */
import type { SnapshotInfo, Snapshotter } from "../index.ts";

export async function listSnapshots(
  snapshots: Snapshotter,
  filters: readonly string[],
): Promise<readonly SnapshotInfo[]> {
  const found: SnapshotInfo[] = [];
  for await (const info of snapshots.walk(filters)) found.push(info);
  return found.sort((a, b) =>
    a.createdNs === b.createdNs ? compare(a.name, b.name) : a.createdNs < b.createdNs ? -1 : 1,
  );
}

export function timeOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}

export function snapshotDocument(info: SnapshotInfo): object {
  return {
    name: info.name,
    parent: info.parent,
    kind: info.kind,
    created: timeOf(info.createdNs),
    updated: timeOf(info.updatedNs),
    labels: info.labels,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
