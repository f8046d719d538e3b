/** What a snapshotter is put together from: open-snapshotter.ts builds it, the parts do not know each other. */
import type { Logger } from "../base/logger.ts";
import type { Database, Durability } from "../metadata/database.ts";
import type { Backend } from "./backend.ts";
import type { SnapshotDirectories } from "./directories.ts";
import type { StagingArea } from "./staging-area.ts";
import type { TreeThread } from "./tree-thread.ts";

export interface SnapshotStoreParts {
  readonly database: Database;
  readonly backend: Backend;
  readonly directories: SnapshotDirectories;
  readonly staging: StagingArea;
  /** Syncs file systems; undefined where that is done within the call. */
  readonly syncing: TreeThread | undefined;
  /** Walks trees to measure them; likewise. */
  readonly measuring: TreeThread | undefined;
  readonly durability: Durability;
  readonly logger: Logger;
}
