/** A snapshotter with its database, as suites open it. */
import { join } from "node:path";
import { type Durability, openDatabase } from "../../driver/metadata/database.ts";
import { openSnapshotter } from "../../driver/snapshot/open-snapshotter.ts";
import { detectPrivileges } from "../../driver/sys/privileges.ts";
import type { OpenStore } from "./snapshotter-suite.ts";

export async function openStore(
  root: string,
  backend: "overlay" | "copy",
  durability: Durability = "none",
): Promise<OpenStore> {
  const database = openDatabase(join(root, "metadata.db"), { durability });
  const snapshotter = await openSnapshotter({ root, database, backend, durability, privileges: detectPrivileges() });
  return {
    snapshotter,
    [Symbol.asyncDispose]: async () => {
      await snapshotter[Symbol.asyncDispose]();
      database.close();
    },
  };
}
