/** SQLite's result codes in the words of base/errors.ts. */
import { mkdtempSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ErrorCode, isErrno, isStorageError, StorageError } from "../base/errors.ts";

/** Primary result codes, https://www.sqlite.org/rescode.html. */
const codeByResult: Readonly<Record<number, ErrorCode>> = {
  3: "ERR_PERMISSION_DENIED", // SQLITE_PERM
  5: "ERR_UNAVAILABLE", // SQLITE_BUSY
  6: "ERR_UNAVAILABLE", // SQLITE_LOCKED
  8: "ERR_PERMISSION_DENIED", // SQLITE_READONLY
  10: "ERR_DATA_LOSS", // SQLITE_IOERR
  11: "ERR_DATA_LOSS", // SQLITE_CORRUPT
  13: "ERR_RESOURCE_EXHAUSTED", // SQLITE_FULL
  14: "ERR_PERMISSION_DENIED", // SQLITE_CANTOPEN
  26: "ERR_DATA_LOSS", // SQLITE_NOTADB
};

/** Extended codes that say more than their primary one. */
const codeByExtended: Readonly<Record<number, ErrorCode>> = {
  787: "ERR_FAILED_PRECONDITION", // SQLITE_CONSTRAINT_FOREIGNKEY
  1555: "ERR_ALREADY_EXISTS", // SQLITE_CONSTRAINT_PRIMARYKEY
  2067: "ERR_ALREADY_EXISTS", // SQLITE_CONSTRAINT_UNIQUE
};

const ioError = 10;

function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

export function isBusy(error: unknown): boolean {
  const result = resultCodeOf(error);
  return result !== undefined && (result & 0xff) === 5;
}

/** `error` unless it came from SQLite; then a StorageError that says which database could not do `verb`. */
export function translateSqlite(error: unknown, verb: string, path: string): unknown {
  if (isStorageError(error)) return error;
  const result = resultCodeOf(error);
  if (result === undefined || !(error instanceof Error)) return error;
  if ((result & 0xff) === ioError && isReadOnly(dirname(path))) {
    const reason = "its file system is read-only, perhaps after an error of the disk";
    return new StorageError("ERR_PERMISSION_DENIED", `cannot ${verb} database ${path}: ${reason}`, {
      details: { path, sqliteCode: result },
      cause: error,
    });
  }
  const code = codeByExtended[result] ?? codeByResult[result & 0xff] ?? "ERR_INTERNAL";
  return new StorageError(code, `cannot ${verb} database ${path}: ${error.message}`, {
    details: { path, sqliteCode: result },
    cause: error,
  });
}

/** A file system that has turned read-only while the database was open is an I/O error to SQLite. */
function isReadOnly(dir: string): boolean {
  try {
    rmdirSync(mkdtempSync(join(dir, ".probe-")));
    return false;
  } catch (error) {
    return isErrno(error, "EROFS");
  }
}
