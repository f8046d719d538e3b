/**
 * What a store remembers: one SQLite database, shared by all processes that have the store open.
 *
 * Invariants: readers never wait (WAL); writers take turns (BEGIN IMMEDIATE, waiting up to ten seconds); a transaction
 * is one synchronous function, so that nothing else of this process can run inside it; once `write` has returned, its
 * effect survives a power cut (synchronous=FULL), unless the store was opened with durability "none".
 */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { isErrno, StorageError } from "../base/errors.ts";
import { isBusy, translateSqlite } from "./errors.ts";
import { migrations as storeMigrations } from "./schema.ts";

export type Durability = "full" | "none";

export type SqlValue = string | number | bigint | null;

/**
 * Statements within a transaction. `Row` is the caller's word for what its own SQL selects; see schema.ts for how
 * integers are read.
 */
export interface Sql {
  /** Rows changed. */
  run(sql: string, ...values: readonly SqlValue[]): number;
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the row type is the caller's claim
  get<Row extends object>(sql: string, ...values: readonly SqlValue[]): Row | undefined;
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the row type is the caller's claim
  all<Row extends object>(sql: string, ...values: readonly SqlValue[]): readonly Row[];
}

const busyTimeoutMs = 10_000;

export interface DatabaseOptions {
  readonly durability: Durability;
  /** Of a database of another kind than a store's. */
  readonly migrations?: readonly string[];
}

/**
 * Opens the database at `path`, made with its directory (0700) if missing, and brings it up to this version's schema.
 * @throws {StorageError} ERR_DATA_LOSS when it is not a database or damaged; ERR_FAILED_PRECONDITION when a newer
 * laminate wrote it; ERR_UNAVAILABLE when another process holds it for ten seconds.
 */
export function openDatabase(path: string, { durability, migrations = storeMigrations }: DatabaseOptions): Database {
  let handle: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    makeFile(path);
    handle = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
    enterWalMode(handle);
    handle.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
    const database = new Database(handle, path);
    migrate(database, path, migrations);
    return database;
  } catch (error) {
    handle?.close();
    throw translateSqlite(error, "open", path);
  }
}

/** Only ours to read. One that is there is not opened: closing it again would drop SQLite's locks on it in this process. */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, "ax", 0o600));
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

export class Database implements Disposable {
  readonly #handle: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();
  readonly #sql: Sql;

  /** Use {@link openDatabase}. */
  constructor(handle: DatabaseSync, path: string) {
    this.#handle = handle;
    this.#path = path;
    this.#sql = {
      run: (sql, ...values) => Number(this.#prepared(sql).run(...values).changes),
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as in Sql
      get: <Row extends object>(sql: string, ...values: readonly SqlValue[]) => {
        const row: object | undefined = this.#prepared(sql).get(...values);
        return row && decoded<Row>(row);
      },
      all: <Row extends object>(sql: string, ...values: readonly SqlValue[]) => {
        const rows: readonly object[] = this.#prepared(sql).all(...values);
        return rows.map((row) => decoded<Row>(row));
      },
    };
  }

  /**
   * Runs `fn` as one transaction that excludes all other writers; rolled back when it throws. Not to be nested.
   * @throws {StorageError} ERR_UNAVAILABLE when other processes write for ten seconds, or after close();
   * ERR_ALREADY_EXISTS or ERR_FAILED_PRECONDITION for a broken unique or foreign key; ERR_RESOURCE_EXHAUSTED when the
   * disk is full; ERR_DATA_LOSS when the file is damaged.
   */
  write<T>(fn: (sql: Sql) => T): T {
    return this.#transaction("BEGIN IMMEDIATE", "write", fn);
  }

  /** Runs `fn` on one consistent state of the database. Errors as {@link write}. Not to be nested. */
  read<T>(fn: (sql: Sql) => T): T {
    return this.#transaction("BEGIN", "read", fn);
  }

  /** Idempotent. */
  close(): void {
    this.#statements.clear();
    if (this.#handle.isOpen) this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #transaction<T>(begin: string, verb: string, fn: (sql: Sql) => T): T {
    if (!this.#handle.isOpen) {
      throw new StorageError("ERR_UNAVAILABLE", `cannot ${verb} database ${this.#path}: it is closed`);
    }
    try {
      this.#prepared(begin).run();
      const result = fn(this.#sql);
      if (result instanceof Promise) throw new TypeError("a transaction is synchronous");
      this.#prepared("COMMIT").run();
      return result;
    } catch (error) {
      if (this.#handle.isTransaction) this.#handle.exec("ROLLBACK");
      throw translateSqlite(error, verb, this.#path);
    }
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#handle.prepare(sql);
      statement.setReadBigInts(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Integers as {@link Sql} promises them: nanoseconds stay bigint, all others become number. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the row type is the caller's claim
function decoded<Row extends object>(row: object): Row {
  // A fresh object of SQLite's, changed where it is: most rows of a long walk are read here.
  const fields = row as Record<string, unknown>;
  for (const column of Object.keys(fields)) {
    const value = fields[column];
    if (typeof value === "bigint" && !column.endsWith("_ns")) fields[column] = Number(value);
  }
  return row as Row;
}

/** SQLite does not wait on its own for the lock that the first change to WAL needs. */
function enterWalMode(handle: DatabaseSync): void {
  const deadline = Date.now() + busyTimeoutMs;
  for (;;) {
    try {
      const mode = handle.prepare("PRAGMA journal_mode").get()?.["journal_mode"];
      if (mode !== "wal") handle.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function migrate(database: Database, path: string, migrations: readonly string[]): void {
  const versionOf = (sql: Sql) => sql.get<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0;
  if (database.read(versionOf) === migrations.length) return;
  database.write((sql) => {
    const found = versionOf(sql);
    if (found > migrations.length) {
      throw new StorageError(
        "ERR_FAILED_PRECONDITION",
        `cannot open database ${path}: it has schema version ${found}, this laminate knows ${migrations.length}`,
        { details: { path, found, known: migrations.length } },
      );
    }
    for (const migration of migrations.slice(found)) {
      for (const statement of migration.split(";\n")) {
        if (statement.trim() !== "") sql.run(statement);
      }
    }
    sql.run(`PRAGMA user_version = ${migrations.length}`);
  });
}
