/** Rows of the `containers` table and what they mean. */
import { StorageError } from "../base/errors.ts";
import { type Digest, parseDigest } from "../base/digest.ts";
import type { Database, Sql } from "../metadata/database.ts";
import type { ContainerRow } from "../metadata/schema.ts";
import type { ContainerInfo, ContainerStatus, ProcessConfig } from "./container.ts";

/** The `config` column. */
interface StoredConfig {
  readonly imageId: Digest;
  readonly autoRemove: boolean;
  readonly process: ProcessConfig;
}

export type NewContainer = Pick<
  ContainerInfo,
  "id" | "name" | "image" | "imageId" | "manifestDigest" | "autoRemove" | "process"
>;

export class ContainerRecords {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws {StorageError} ERR_ALREADY_EXISTS when the name is taken. */
  insert(container: NewContainer): void {
    const { id, name, image, imageId, manifestDigest, autoRemove, process } = container;
    const config: StoredConfig = { imageId, autoRemove, process };
    this.#database.write((sql) => {
      const other = sql.get<Pick<ContainerRow, "id">>("SELECT id FROM containers WHERE name = ?", name);
      if (other !== undefined) {
        throw new StorageError(
          "ERR_ALREADY_EXISTS",
          `cannot create container ${name}: the name is taken by container ${other.id.slice(0, 12)}`,
        );
      }
      sql.run(
        `INSERT INTO containers (id, name, image_name, image_digest, command, config, created_ns, status)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'created')`,
        ...[id, name, image, manifestDigest, JSON.stringify(process.args), JSON.stringify(config), nowNs()],
      );
    });
  }

  list(): readonly ContainerRow[] {
    return this.#database.read((sql) => sql.all<ContainerRow>("SELECT * FROM containers ORDER BY created_ns DESC, id"));
  }

  /** By id, name or unique prefix of an id. @throws {StorageError} ERR_NOT_FOUND; ERR_INVALID_ARGUMENT. */
  find(wanted: string): ContainerRow {
    return this.#database.read((sql) => {
      const exact =
        sql.get<ContainerRow>("SELECT * FROM containers WHERE id = ?", wanted) ??
        sql.get<ContainerRow>("SELECT * FROM containers WHERE name = ?", wanted);
      if (exact !== undefined) return exact;
      const [found, ...others] = withPrefix(sql, wanted);
      if (found === undefined) throw new StorageError("ERR_NOT_FOUND", `cannot find container ${wanted}`);
      if (others.length === 0) return found;
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot find container ${wanted}: several ids begin so`);
    });
  }

  tryGet(id: string): ContainerRow | undefined {
    return this.#database.read((sql) => sql.get<ContainerRow>("SELECT * FROM containers WHERE id = ?", id));
  }

  started(id: string, pid: number): void {
    this.#update(
      "UPDATE containers SET status = 'running', pid = ?, started_ns = ?, finished_ns = NULL, exit_code = NULL WHERE id = ?",
      ...[pid, nowNs(), id],
    );
  }

  /** `exitCode` is also what a failed start is recorded with. */
  exited(id: string, exitCode: number): void {
    this.#update(
      "UPDATE containers SET status = 'exited', pid = NULL, finished_ns = ?, exit_code = ? WHERE id = ?",
      ...[nowNs(), exitCode, id],
    );
  }

  delete(id: string): void {
    this.#update("DELETE FROM containers WHERE id = ?", id);
  }

  #update(statement: string, ...values: readonly (string | number | bigint)[]): void {
    this.#database.write((sql) => sql.run(statement, ...values));
  }
}

export function infoOf(row: ContainerRow, rootfs: string): ContainerInfo {
  const config = JSON.parse(row.config) as StoredConfig;
  return {
    id: row.id,
    name: row.name,
    image: row.image_name,
    imageId: config.imageId,
    manifestDigest: parseDigest(row.image_digest),
    created: timeOf(row.created_ns),
    started: row.started_ns === null ? null : timeOf(row.started_ns),
    finished: row.finished_ns === null ? null : timeOf(row.finished_ns),
    status: row.status as ContainerStatus,
    exitCode: row.exit_code,
    pid: row.pid,
    autoRemove: config.autoRemove,
    process: config.process,
    rootfs,
  };
}

function withPrefix(sql: Sql, prefix: string): readonly ContainerRow[] {
  if (!/^[0-9a-f]{2,63}$/.test(prefix)) return [];
  return sql.all<ContainerRow>("SELECT * FROM containers WHERE id >= ? AND id < ? LIMIT 2", prefix, `${prefix}g`);
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function timeOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}
