/**
 * What was done for which set, in a database of its own: `<root>/batch/journal.db`. The store says what is here; the journal
 * says what a batch did over all its runs, and knows documents of registries again. Losing it costs no image.
 *
 * Of its own, as batch/ uses a store as any user of the library does, and as its writes, several a layer, shall not wait for
 * the store's, nor the store's for them.
 */
import { join } from "node:path";
import { type Database, openDatabase, type Sql } from "../../metadata/database.ts";
import type { ImageReport, LayerReport } from "../batch-report.ts";
import type { PlannedContent, PlannedImage } from "../plan/planned-image.ts";
import type { KnownManifests } from "../plan/read-image.ts";
import { type BatchImageRow, type BatchLayerRow, type BatchRow, journalMigrations } from "./schema.ts";

/** An image of a batch; `planned` is null for one that could not be resolved. */
export interface JournalImage {
  readonly report: ImageReport;
  readonly planned: PlannedImage | null;
}

export interface JournalBatch {
  readonly id: number;
  readonly name: string;
  readonly startedMs: number;
  readonly elapsedMs: number;
  readonly runs: number;
  readonly isOver: boolean;
}

/** Of manifests that no plan has asked for in that time. */
const forgetAfterMs = 90 * 24 * 3600 * 1000;
/** Before these are forgotten. */
const batchesKept = 20;

export function batchDir(root: string): string {
  return join(root, "batch");
}

/** @throws {StorageError} as openDatabase. */
export function openJournal(root: string): Journal {
  const path = join(batchDir(root), "journal.db");
  // A power cut may lose what was noted last: then the store is asked again.
  return new Journal(openDatabase(path, { durability: "none", migrations: journalMigrations }));
}

export class Journal implements Disposable {
  /** For queues: their jobs are in it, too. */
  readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /**
   * A run of the batch of this name: of the last one if it did not come to its end, else of a new one. `joins` is for a
   * process beside others that are at it: no run of its own.
   */
  begin(name: string, { joins }: { readonly joins: boolean }): JournalBatch {
    return this.database.write((sql) => {
      const last = newest(sql, name);
      if (last === undefined || last.is_over === 1) {
        sql.run(
          "INSERT INTO batches (name, started_ms, elapsed_ms, runs, is_over) VALUES (?, ?, 0, 1, 0)",
          ...[name, Date.now()],
        );
        sql.run(
          "DELETE FROM batches WHERE id NOT IN (SELECT id FROM batches ORDER BY id DESC LIMIT ?)",
          ...[batchesKept],
        );
      } else if (!joins) {
        sql.run("UPDATE batches SET runs = runs + 1 WHERE id = ?", last.id);
      }
      sql.run("DELETE FROM known_manifests WHERE used_ms < ?", Date.now() - forgetAfterMs);
      const row = newest(sql, name);
      if (row === undefined) throw new TypeError("a batch has just been begun");
      return batchOf(row);
    });
  }

  /** Of that name, or of any. */
  last(name?: string): JournalBatch | undefined {
    const row = this.database.read((sql) => newest(sql, name));
    return row && batchOf(row);
  }

  /** Replaces what the batch is about; what earlier runs noted of an image or a layer is kept where it is the same one. */
  setImages(batch: JournalBatch, images: readonly JournalImage[], layers: readonly LayerReport[]): void {
    this.database.write((sql) => {
      sql.run("DELETE FROM batch_images WHERE batch_id = ?", batch.id);
      for (const [position, image] of images.entries()) putImage(sql, batch, position, image);
      sql.run("DELETE FROM batch_layers WHERE batch_id = ?", batch.id);
      for (const layer of layers) putLayer(sql, batch, layer);
    });
  }

  /** In the set's order. */
  images({ id }: JournalBatch): readonly JournalImage[] {
    const rows = this.database.read((sql) =>
      sql.all<BatchImageRow>("SELECT * FROM batch_images WHERE batch_id = ? ORDER BY position", id),
    );
    return rows.map(({ data }) => JSON.parse(data) as JournalImage);
  }

  /** By its name in the report. */
  image({ id }: JournalBatch, source: string): JournalImage | undefined {
    const row = this.database.read((sql) =>
      sql.get<BatchImageRow>("SELECT * FROM batch_images WHERE batch_id = ? AND key = ?", id, source),
    );
    return row && (JSON.parse(row.data) as JournalImage);
  }

  layers({ id }: JournalBatch): readonly LayerReport[] {
    const rows = this.database.read((sql) =>
      sql.all<BatchLayerRow>("SELECT * FROM batch_layers WHERE batch_id = ? ORDER BY digest", id),
    );
    return rows.map(({ data }) => JSON.parse(data) as LayerReport);
  }

  noteImage(batch: JournalBatch, report: ImageReport, elapsedMs: number): void {
    this.database.write((sql) => {
      const row = sql.get<BatchImageRow>(
        "SELECT * FROM batch_images WHERE batch_id = ? AND key = ?",
        ...[batch.id, report.source],
      );
      if (row === undefined) return;
      const { planned } = JSON.parse(row.data) as JournalImage;
      putImage(sql, batch, row.position, { report, planned });
      noteElapsed(sql, batch, elapsedMs);
    });
  }

  noteLayers(batch: JournalBatch, layers: readonly LayerReport[], elapsedMs: number): void {
    this.database.write((sql) => {
      for (const layer of layers) putLayer(sql, batch, layer);
      noteElapsed(sql, batch, elapsedMs);
    });
  }

  end(batch: JournalBatch, elapsedMs: number): void {
    this.database.write((sql) => {
      sql.run("UPDATE batches SET is_over = 1 WHERE id = ?", batch.id);
      forgetJobs(sql, batch);
      noteElapsed(sql, batch, elapsedMs);
    });
  }

  /** Those of the batch's runs, when nobody works on them. */
  forgetJobs(batch: JournalBatch): void {
    this.database.write((sql) => {
      forgetJobs(sql, batch);
    });
  }

  get manifests(): KnownManifests {
    return {
      find: (digest, platform) =>
        this.database.write((sql) => {
          const key = [digest, platform ?? ""];
          sql.run("UPDATE known_manifests SET used_ms = ? WHERE digest = ? AND platform = ?", Date.now(), ...key);
          const row = sql.get<{ data: string }>(
            "SELECT data FROM known_manifests WHERE digest = ? AND platform = ?",
            ...key,
          );
          return row && (JSON.parse(row.data) as PlannedContent);
        }),
      remember: (digest, platform, content) => {
        this.database.write((sql) =>
          sql.run(
            "INSERT OR REPLACE INTO known_manifests VALUES (?, ?, ?, ?)",
            ...[digest, platform ?? "", JSON.stringify(content), Date.now()],
          ),
        );
      },
    };
  }

  [Symbol.dispose](): void {
    this.database.close();
  }
}

/** Of the queue that a run of a batch has. */
export function queueName({ id, runs }: Pick<JournalBatch, "id" | "runs">): string {
  return `${queuesOf(id)}${runs}`;
}

function queuesOf(id: number): string {
  return `batch ${id} run `;
}

function forgetJobs(sql: Sql, { id }: JournalBatch): void {
  sql.run("DELETE FROM jobs WHERE queue LIKE ?", `${queuesOf(id)}%`);
}

function newest(sql: Sql, name: string | undefined): BatchRow | undefined {
  return name === undefined
    ? sql.get<BatchRow>("SELECT * FROM batches ORDER BY id DESC LIMIT 1")
    : sql.get<BatchRow>("SELECT * FROM batches WHERE name = ? ORDER BY id DESC LIMIT 1", name);
}

function batchOf({ id, name, started_ms, elapsed_ms, runs, is_over }: BatchRow): JournalBatch {
  return { id, name, startedMs: started_ms, elapsedMs: elapsed_ms, runs, isOver: is_over === 1 };
}

function putImage(sql: Sql, { id }: JournalBatch, position: number, image: JournalImage): void {
  sql.run(
    "INSERT OR REPLACE INTO batch_images VALUES (?, ?, ?, ?)",
    ...[id, image.report.source, position, JSON.stringify(image)],
  );
}

function putLayer(sql: Sql, { id }: JournalBatch, layer: LayerReport): void {
  sql.run("INSERT OR REPLACE INTO batch_layers VALUES (?, ?, ?)", id, layer.digest, JSON.stringify(layer));
}

function noteElapsed(sql: Sql, { id }: JournalBatch, elapsedMs: number): void {
  sql.run("UPDATE batches SET elapsed_ms = MAX(elapsed_ms, ?) WHERE id = ?", Math.round(elapsedMs), id);
}
