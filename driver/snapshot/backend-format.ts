/** The file `<root>/snapshots/backend`: one store never mixes trees of two backends. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isErrno, StorageError } from "../base/errors.ts";
import type { Database } from "../metadata/database.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { Backend } from "./backend.ts";
import type { SnapshotDirectories } from "./directories.ts";

/** What a store says that was written by a backend with these rights. */
export function formatOf(backend: Backend["name"], { overlayXattr }: Privileges): string {
  return backend === "copy" ? "copy" : `overlay ${overlayXattr}`;
}

/** @throws {StorageError} ERR_FAILED_PRECONDITION when there are snapshots of another format. */
export function claimFormat(database: Database, directories: SnapshotDirectories, { name, format }: Backend): void {
  if (readFormat(directories) === format) return;
  database.write((sql) => {
    const found = readFormat(directories);
    if (found !== undefined && found !== format && sql.get("SELECT 1 FROM snapshots LIMIT 1") !== undefined) {
      throw new StorageError(
        "ERR_FAILED_PRECONDITION",
        `cannot open ${directories.path} with backend ${name} (${format}): its snapshots are ${found}`,
        { details: { found, wanted: format } },
      );
    }
    const path = pathIn(directories);
    writeFileSync(`${path}.new`, `${format}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  });
}

/** Undefined where no snapshotter has been opened yet. */
export function readFormat(directories: Pick<SnapshotDirectories, "path">): string | undefined {
  try {
    return readFileSync(pathIn(directories), "utf8").trim();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function pathIn(directories: Pick<SnapshotDirectories, "path">): string {
  return join(directories.path, "backend");
}
