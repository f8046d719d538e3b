/** Telling a tree that vanished while it was read: with its snapshot, which is a race, or without, which is a loss. */
import { StorageError } from "../base/errors.ts";
import { findSnapshot, refusal, type SnapshotRecord } from "./records.ts";
import type { SnapshotStoreParts } from "./store-parts.ts";

/**
 * Runs `action`, which reads the tree of `record` if there is one.
 * @throws {StorageError} ERR_NOT_FOUND when the snapshot was removed meanwhile, ERR_DATA_LOSS when only its directory
 * is gone; otherwise what `action` throws.
 */
export function readingTree<T>(
  { database, directories }: SnapshotStoreParts,
  record: SnapshotRecord | undefined,
  verb: string,
  action: () => T,
): T {
  try {
    return action();
  } catch (error) {
    if (record === undefined || directories.has(record.id)) throw error;
    const { id, name } = record;
    const now = database.read((sql) => findSnapshot(sql, name));
    if (now?.id !== id) throw refusal("ERR_NOT_FOUND", verb, name, "it has just been removed");
    throw lostTree(name, directories.treeOf(id), error);
  }
}

export function lostTree(name: string, path: string, cause?: unknown): StorageError {
  return new StorageError("ERR_DATA_LOSS", `cannot read snapshot ${JSON.stringify(name)}: ${path} is missing`, {
    details: { name, path },
    cause,
  });
}
