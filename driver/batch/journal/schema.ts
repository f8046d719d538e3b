/**
 * Every table of a journal, once, with the history of changes to them; see metadata/schema.ts for how columns are named.
 * Columns `data`, `result` and `error` hold JSON.
 */

/** Owner: queue/local-queue.ts. */
export interface JobRow {
  readonly queue: string;
  readonly id: string;
  readonly data: string;
  readonly priority: number;
  /** In which it was added. */
  readonly position: number;
  readonly state: "waiting" | "active" | "done" | "failed";
  readonly worker: string | null;
  readonly attempt: number;
  /** Not to be taken before; ms since 1970. */
  readonly not_before_ms: number;
  readonly result: string | null;
  readonly error: string | null;
  readonly progress: string | null;
  /** Counts changes that listeners want to hear of, in the whole queue. */
  readonly change: number;
}

/** Owner: journal.ts. */
export interface BatchRow {
  readonly id: number;
  readonly name: string;
  readonly started_ms: number;
  /** Worked on it in all, up to what was written last. */
  readonly elapsed_ms: number;
  readonly runs: number;
  /** 1 when it came to its end, with failures or without. */
  readonly is_over: number;
}

/** Owner: journal.ts. */
export interface BatchImageRow {
  readonly batch_id: number;
  readonly key: string;
  readonly position: number;
  /** ImageReport without its key. */
  readonly data: string;
}

/** Owner: journal.ts. */
export interface BatchLayerRow {
  readonly batch_id: number;
  readonly digest: string;
  /** LayerReport. */
  readonly data: string;
}

/** Owner: journal.ts. What a document of a registry, by its digest, was found to hold for a platform. */
export interface KnownManifestRow {
  readonly digest: string;
  readonly platform: string;
  readonly data: string;
  readonly used_ms: number;
}

/** As in metadata/schema.ts: released entries never change. */
export const journalMigrations: readonly string[] = [
  `
  CREATE TABLE jobs (
    queue TEXT NOT NULL,
    id TEXT NOT NULL,
    data TEXT NOT NULL,
    priority INTEGER NOT NULL,
    position INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'active', 'done', 'failed')),
    worker TEXT,
    attempt INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    result TEXT,
    error TEXT,
    progress TEXT,
    change INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX jobs_by_turn ON jobs (queue, state, priority, position);
  CREATE INDEX jobs_by_change ON jobs (queue, change);

  CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    elapsed_ms INTEGER NOT NULL,
    runs INTEGER NOT NULL,
    is_over INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX batches_by_name ON batches (name);

  CREATE TABLE batch_images (
    batch_id INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (batch_id, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE batch_layers (
    batch_id INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (batch_id, digest)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE known_manifests (
    digest TEXT NOT NULL,
    platform TEXT NOT NULL,
    data TEXT NOT NULL,
    used_ms INTEGER NOT NULL,
    PRIMARY KEY (digest, platform)
  ) STRICT, WITHOUT ROWID;
  `,
];
