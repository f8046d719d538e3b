/** Whether there is anything to do when a store is opened, found out with a few small reads. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../base/errors.ts";
import type { Database } from "../metadata/database.ts";
import type { Privileges } from "../sys/privileges.ts";
import { formatOf, readFormat } from "./backend-format.ts";

/**
 * The backend of a store that has snapshots, all of them with their directories, and nothing that a killed process left:
 * opening it would change nothing, refuse nothing and warn of nothing. Undefined in all other cases.
 */
export function backendAtRest(
  wanted: "auto" | "overlay" | "copy",
  root: string,
  database: Database,
  privileges: Privileges,
): "overlay" | "copy" | undefined {
  const path = join(root, "snapshots");
  const format = readFormat({ path });
  const backend = format === "copy" ? "copy" : "overlay";
  if (format !== formatOf(backend, privileges) || (wanted !== "auto" && wanted !== backend)) return undefined;
  if (namesIn(join(root, "staging")).some((name) => name !== "lock")) return undefined;
  const directories = new Set(namesIn(path).filter((name) => name !== "backend"));
  const rows = database.read((sql) => sql.all<{ id: number }>("SELECT id FROM snapshots"));
  const isWhole = rows.length === directories.size && rows.every(({ id }) => directories.has(String(id)));
  return isWhole && rows.length > 0 ? backend : undefined;
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
