/** Snapshots in the database: every statement on the table, and who may be whose parent. */
import { StorageError } from "../base/errors.ts";
import type { Usage } from "../extract/staged-layer.ts";
import type { Sql } from "../metadata/database.ts";
import type { SnapshotRow } from "../metadata/schema.ts";
import { formatLabels, type Labels, parseLabels } from "./labels.ts";
import type { SnapshotInfo, SnapshotKind } from "./snapshotter.ts";

/** A row with its parent's name, "" for none. */
export interface SnapshotRecord extends SnapshotRow {
  readonly parent: string;
}

const selectRecord =
  "SELECT s.*, coalesce(p.name, '') AS parent FROM snapshots s LEFT JOIN snapshots p ON p.id = s.parent_id";

export function findSnapshot(sql: Sql, name: string): SnapshotRecord | undefined {
  return sql.get<SnapshotRecord>(`${selectRecord} WHERE s.name = ?`, name);
}

export function nameOfId(sql: Sql, id: number): string | undefined {
  return sql.get<{ name: string }>("SELECT name FROM snapshots WHERE id = ?", id)?.name;
}

/** @throws {StorageError} ERR_NOT_FOUND, "cannot <verb> snapshot …". */
export function requireSnapshot(sql: Sql, name: string, verb: string): SnapshotRecord {
  const record = findSnapshot(sql, name);
  if (record === undefined) throw refusal("ERR_NOT_FOUND", verb, name, "there is none of that name");
  return record;
}

/** @throws {StorageError} ERR_ALREADY_EXISTS. */
export function requireFree(sql: Sql, name: string, verb: string): void {
  if (findSnapshot(sql, name) !== undefined) throw refusal("ERR_ALREADY_EXISTS", verb, name, "it exists");
}

/**
 * The committed snapshot `parent`, undefined for "".
 * @throws {StorageError} ERR_NOT_FOUND; ERR_INVALID_ARGUMENT if it is not committed.
 */
export function requireParent(sql: Sql, parent: string, verb: string): SnapshotRecord | undefined {
  if (parent === "") return undefined;
  const record = requireSnapshot(sql, parent, verb);
  if (record.kind === "committed") return record;
  throw refusal("ERR_INVALID_ARGUMENT", verb, parent, `it is ${record.kind}, not committed`);
}

export interface NewSnapshot {
  readonly name: string;
  readonly parentId: number | null;
  readonly kind: SnapshotKind;
  readonly labels: Labels;
  readonly nowNs: bigint;
  readonly usage: Usage;
}

/** Returns the new id, one that no earlier snapshot of this store had. */
export function insertSnapshot(sql: Sql, { name, parentId, kind, labels, nowNs, usage }: NewSnapshot): number {
  const row = sql.get<{ id: number }>(
    `INSERT INTO snapshots (name, parent_id, kind, labels, created_ns, updated_ns, inodes, size_bytes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    ...[name, parentId, kind, formatLabels(labels), nowNs, nowNs, usage.inodes, usage.sizeBytes],
  );
  if (row === undefined) throw new Error("INSERT … RETURNING gave no row");
  return row.id;
}

/** The active snapshot `id` becomes the committed `name`. */
export function commitSnapshot(
  sql: Sql,
  id: number,
  { name, parentId, labels, nowNs, usage }: Omit<NewSnapshot, "kind">,
): void {
  sql.run(
    `UPDATE snapshots SET name = ?, parent_id = ?, kind = 'committed', labels = ?, created_ns = ?, updated_ns = ?, inodes = ?,
     size_bytes = ? WHERE id = ?`,
    ...[name, parentId, formatLabels(labels), nowNs, nowNs, usage.inodes, usage.sizeBytes, id],
  );
}

export function relabelSnapshot(sql: Sql, id: number, labels: Labels, nowNs: bigint): void {
  sql.run("UPDATE snapshots SET labels = ?, updated_ns = ? WHERE id = ?", formatLabels(labels), nowNs, id);
}

/** @throws {StorageError} ERR_FAILED_PRECONDITION while it has children. */
export function deleteSnapshot(sql: Sql, { id, name }: SnapshotRecord): void {
  const child = sql.get<{ name: string }>("SELECT name FROM snapshots WHERE parent_id = ? LIMIT 1", id);
  if (child !== undefined) {
    throw refusal("ERR_FAILED_PRECONDITION", "remove", name, `${JSON.stringify(child.name)} is based on it`);
  }
  sql.run("DELETE FROM snapshots WHERE id = ?", id);
}

/** Ids of the ancestors of `id`, nearest first. */
export function ancestorsOf(sql: Sql, id: number): readonly number[] {
  const rows = sql.all<{ id: number }>(
    `WITH RECURSIVE chain (id, parent_id, depth) AS (
       SELECT id, parent_id, 0 FROM snapshots WHERE id = ?
       UNION ALL
       SELECT s.id, s.parent_id, chain.depth + 1 FROM snapshots s JOIN chain ON s.id = chain.parent_id
     ) SELECT id FROM chain WHERE depth > 0 ORDER BY depth`,
    id,
  );
  return rows.map((row) => row.id);
}

/** Up to `limit` records with an id above `afterId`, in order of ids. */
export function pageOfSnapshots(sql: Sql, afterId: number, limit: number): readonly SnapshotRecord[] {
  return sql.all<SnapshotRecord>(`${selectRecord} WHERE s.id > ? ORDER BY s.id LIMIT ?`, afterId, limit);
}

export function namesById(sql: Sql): ReadonlyMap<number, string> {
  const rows = sql.all<{ id: number; name: string }>("SELECT id, name FROM snapshots");
  return new Map(rows.map(({ id, name }) => [id, name]));
}

export function infoOf(record: SnapshotRecord): SnapshotInfo {
  return {
    name: record.name,
    parent: record.parent,
    kind: record.kind,
    createdNs: record.created_ns,
    updatedNs: record.updated_ns,
    labels: parseLabels(record.labels),
  };
}

export function refusal(code: StorageError["code"], verb: string, name: string, reason: string): StorageError {
  return new StorageError(code, `cannot ${verb} snapshot ${JSON.stringify(name)}: ${reason}`, { details: { name } });
}
