/** Rows of the `containers` table and what they mean. */
import { StorageError } from "../base/errors.ts";
import { type Digest, parseDigest } from "../base/digest.ts";
import type { Database, Sql } from "../metadata/database.ts";
import type { ContainerRow } from "../metadata/schema.ts";
import type { ContainerInfo, ContainerStatus, ProcessConfig } from "./container.ts";
import { defaultHostConfig, type HostConfig } from "./host-config.ts";

/** The `config` column. */
interface StoredConfig {
  readonly imageId: Digest;
  readonly autoRemove: boolean;
  readonly process: ProcessConfig;
  /** Missing in records of early versions, and what it lacks has its default. */
  readonly host?: Partial<HostConfig>;
}

/**
 * The `status` column: a container's, or one of two steps that end with the lock of whoever takes them. Whoever meets
 * such a step without its lock removes the container.
 */
export type StoredStatus = ContainerStatus | "creating" | "removing";

export type NewContainer = Pick<
  ContainerInfo,
  "id" | "name" | "image" | "imageId" | "manifestDigest" | "autoRemove" | "process" | "host"
>;

export class ContainerRecords {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** As "creating". @throws {StorageError} ERR_ALREADY_EXISTS when the name is taken. */
  insert(container: NewContainer): void {
    const { id, name, image, imageId, manifestDigest, autoRemove, process, host } = container;
    const config: StoredConfig = { imageId, autoRemove, process, host };
    this.#database.write((sql) => {
      requireFree(sql, name, `cannot create container ${name}`);
      sql.run(
        `INSERT INTO containers (id, name, image_name, image_digest, command, config, created_ns, status)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'creating')`,
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

  created(id: string): void {
    this.#update("UPDATE containers SET status = 'created' WHERE id = ?", id);
  }

  /** Before anything is mounted or started for it: what is left of a killed owner is then looked for. */
  starting(id: string): void {
    this.#update(
      "UPDATE containers SET status = 'running', pid = NULL, started_ns = ?, finished_ns = NULL, exit_code = NULL WHERE id = ?",
      ...[nowNs(), id],
    );
  }

  started(id: string, pid: number): void {
    this.#update("UPDATE containers SET pid = ?, started_ns = ? WHERE id = ?", pid, nowNs(), id);
  }

  /** `exitCode` is also what a failed start is recorded with. */
  exited(id: string, exitCode: number): void {
    this.#update(
      "UPDATE containers SET status = 'exited', pid = NULL, finished_ns = ?, exit_code = ? WHERE id = ?",
      ...[nowNs(), exitCode, id],
    );
  }

  removing(id: string): void {
    this.#update("UPDATE containers SET status = 'removing', pid = NULL WHERE id = ?", id);
  }

  /** @throws {StorageError} ERR_ALREADY_EXISTS */
  rename(id: string, name: string): void {
    this.#database.write((sql) => {
      requireFree(sql, name, `cannot rename container to ${name}`);
      sql.run("UPDATE containers SET name = ? WHERE id = ?", name, id);
    });
  }

  delete(id: string): void {
    this.#update("DELETE FROM containers WHERE id = ?", id);
  }

  #update(statement: string, ...values: readonly (string | number | bigint)[]): void {
    this.#database.write((sql) => sql.run(statement, ...values));
  }
}

function requireFree(sql: Sql, name: string, refusal: string): void {
  const other = sql.get<Pick<ContainerRow, "id">>("SELECT id FROM containers WHERE name = ?", name);
  if (other === undefined) return;
  throw new StorageError("ERR_ALREADY_EXISTS", `${refusal}: the name is taken by container ${other.id.slice(0, 12)}`);
}

export function storedStatus(row: ContainerRow): StoredStatus {
  return row.status as StoredStatus;
}

const shownAs: Readonly<Record<StoredStatus, ContainerStatus>> = {
  creating: "created",
  created: "created",
  running: "running",
  exited: "exited",
  removing: "exited",
};

export function infoOf(row: ContainerRow, rootfs: string, paused: boolean): ContainerInfo {
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
    status: shownAs[storedStatus(row)],
    paused,
    exitCode: row.exit_code,
    pid: row.pid,
    autoRemove: config.autoRemove,
    process: config.process,
    host: { ...defaultHostConfig, ...config.host },
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
