/**
 * Every table of a store, once, with the history of changes to them.
 *
 * Names of columns: `*_ns` hold nanoseconds since 1970 and are read as bigint, all other integers are read as number.
 * "" stands for "no parent". Text that holds JSON is written and read by the table's owner.
 */

/** Owner: snapshot/. */
export interface SnapshotRow {
  /** Never reused once committed to the database; names the directory. */
  readonly id: number;
  /** Key or name: they share one space. */
  readonly name: string;
  readonly parent_id: number | null;
  readonly kind: "active" | "view" | "committed";
  /** JSON object of strings. */
  readonly labels: string;
  readonly created_ns: bigint;
  readonly updated_ns: bigint;
  /** Own usage: recorded when committed, 0 until then. */
  readonly inodes: number;
  readonly size_bytes: number;
}

/** Owner: image/. An image without a tag is kept under the name "sha256:<manifest digest>". */
export interface ImageRow {
  readonly name: string;
  readonly manifest_digest: string;
  readonly media_type: string;
  /** Of the manifest. */
  readonly size: number;
  readonly created_ns: bigint;
  readonly updated_ns: bigint;
}

/** Owner: image/. What an unpacked layer was made from; the snapshot of the same chainID holds its files. */
export interface LayerRow {
  readonly chain_id: string;
  readonly diff_id: string;
  readonly blob_digest: string;
  readonly blob_size: number;
  readonly parent_chain_id: string;
  readonly inodes: number;
  readonly size_bytes: number;
}

/** Owner: container/. */
export interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly image_name: string;
  /** Digest of the manifest. */
  readonly image_digest: string;
  /** JSON array of strings. */
  readonly command: string;
  /** JSON. */
  readonly config: string;
  readonly created_ns: bigint;
  readonly started_ns: bigint | null;
  readonly finished_ns: bigint | null;
  readonly status: string;
  readonly exit_code: number | null;
  readonly pid: number | null;
}

/**
 * `migrations[n]` takes a database from user_version n to n + 1. Released entries never change: a new shape is a new
 * entry at the end.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    parent_id INTEGER REFERENCES snapshots (id),
    kind TEXT NOT NULL CHECK (kind IN ('active', 'view', 'committed')),
    labels TEXT NOT NULL DEFAULT '{}',
    created_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    inodes INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX snapshots_by_parent ON snapshots (parent_id);

  CREATE TABLE images (
    name TEXT PRIMARY KEY,
    manifest_digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX images_by_manifest ON images (manifest_digest);

  CREATE TABLE layers (
    chain_id TEXT PRIMARY KEY,
    diff_id TEXT NOT NULL,
    blob_digest TEXT NOT NULL,
    blob_size INTEGER NOT NULL,
    parent_chain_id TEXT NOT NULL,
    inodes INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX layers_by_blob ON layers (blob_digest);
  CREATE INDEX layers_by_parent ON layers (parent_chain_id);

  CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_name TEXT NOT NULL,
    image_digest TEXT NOT NULL,
    command TEXT NOT NULL,
    config TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    started_ns INTEGER,
    finished_ns INTEGER,
    status TEXT NOT NULL,
    exit_code INTEGER,
    pid INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX containers_by_image ON containers (image_digest);
  `,
];
