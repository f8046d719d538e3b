/** Telling a tree that vanished while it was read: with its snapshot, which is a race, or without, which is a loss. */
import { StorageError } from "../base/errors.ts";
import { findSnapshot, refusal, type SnapshotRecord } from "./records.ts";
import type { SnapshotStoreParts } from "./store-parts.ts";

/**
 * Runs `action`, which reads the tree of `record` if there is one.
 * @throws {StorageError} as {@link readError}.
 */
export function readingTree<T>(
  parts: SnapshotStoreParts,
  record: SnapshotRecord | undefined,
  verb: string,
  action: () => T,
): T {
  try {
    return action();
  } catch (error) {
    throw readError(parts, record, verb, error);
  }
}

/**
 * What to throw for an `error` in reading the tree of `record`: ERR_NOT_FOUND when the snapshot was removed meanwhile,
 * ERR_DATA_LOSS when only its directory is gone; otherwise `error`.
 */
export function readError(
  { database, directories }: SnapshotStoreParts,
  record: SnapshotRecord | undefined,
  verb: string,
  error: unknown,
): unknown {
  if (record === undefined || directories.has(record.id)) return error;
  const { id, name } = record;
  const now = database.read((sql) => findSnapshot(sql, name));
  if (now?.id !== id) return refusal("ERR_NOT_FOUND", verb, name, "it has just been removed");
  return lostTree(name, directories.treeOf(id), error);
}

export function lostTree(name: string, path: string, cause?: unknown): StorageError {
  return new StorageError("ERR_DATA_LOSS", `cannot read snapshot ${JSON.stringify(name)}: ${path} is missing`, {
    details: { name, path },
    cause,
  });
}
