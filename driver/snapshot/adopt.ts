/**
 * Settled layers become committed snapshots.
 *
 * Order is what makes it safe: deletions are written, everything is synced once, and only then do directories move and
 * rows appear, all in one transaction. A crash before its end leaves garbage for the collector and nothing else.
 */
import { join } from "node:path";
import type { Sql } from "../metadata/database.ts";
import { clockRealtimeNs } from "../sys/linux.ts";
import { readingTree } from "./lost-tree.ts";
import * as records from "./records.ts";
import type { AdoptedCapture, AdoptedLayer } from "./snapshotter.ts";
import type { SnapshotStoreParts } from "./store-parts.ts";
import { syncTrees } from "./sync-file-system.ts";

type Adopted = AdoptedLayer | AdoptedCapture;

const verb = "adopt a layer on";

function stagingDirOf(layer: Adopted): string {
  return "captured" in layer ? layer.captured.stagingDir : layer.settled.layer.stagingDir;
}

/** See {@link Snapshotter.adopt}. A committed snapshot that lost its directory gets the layer's in its place. */
export async function adoptLayers(
  layers: readonly Adopted[],
  parts: SnapshotStoreParts,
  alongside?: (sql: Sql) => void,
): Promise<void> {
  const { database, directories, staging } = parts;
  const treeByName = finishTrees(layers, parts);
  if (treeByName.size > 0) await syncTrees(parts, staging.path);
  database.write((sql) => {
    const placed: number[] = [];
    for (const layer of layers) {
      const tree = treeByName.get(layer.name);
      if (tree === undefined) continue;
      const existing = findIntact(sql, layer, parts);
      if (existing === "intact") continue;
      const id = existing ?? insertLayer(sql, layer);
      directories.place(id, tree, staging.trashPath());
      placed.push(id);
    }
    alongside?.(sql);
    directories.sync(placed);
  });
  for (const layer of layers) staging.remove(stagingDirOf(layer));
}

/** The finished trees, by name, of the layers that are not there yet. */
function finishTrees(layers: readonly Adopted[], parts: SnapshotStoreParts): ReadonlyMap<string, string> {
  const { database, directories, backend } = parts;
  const finished = new Map<string, string>();
  for (const layer of layers) {
    const below = finished.get(layer.parent);
    const { isThere, parent } = database.read((sql) => ({
      isThere: findIntact(sql, layer, parts) === "intact",
      parent: below === undefined ? records.requireParent(sql, layer.parent, verb) : undefined,
    }));
    if (isThere) continue;
    const parentTree = parent === undefined ? below : directories.treeOf(parent.id);
    const tree =
      "captured" in layer
        ? join(stagingDirOf(layer), "fs")
        : readingTree(parts, parent, verb, () => backend.finish(layer.settled, parentTree));
    finished.set(layer.name, tree);
  }
  return finished;
}

/** "intact", or the id of a committed snapshot whose directory is lost, or undefined where there is none. */
function findIntact(sql: Sql, { name }: Adopted, { directories }: SnapshotStoreParts): "intact" | number | undefined {
  const record = records.findSnapshot(sql, name);
  if (record === undefined) return undefined;
  if (record.kind !== "committed") {
    throw records.refusal("ERR_FAILED_PRECONDITION", "adopt a layer as", name, `it is ${record.kind}`);
  }
  return directories.has(record.id) ? "intact" : record.id;
}

function insertLayer(sql: Sql, layer: Adopted): number {
  const { name, parent, labels = {} } = layer;
  const parentId = records.requireParent(sql, parent, verb)?.id ?? null;
  const { usage } = "captured" in layer ? layer.captured : layer.settled;
  return records.insertSnapshot(sql, { name, parentId, kind: "committed", labels, nowNs: clockRealtimeNs(), usage });
}
