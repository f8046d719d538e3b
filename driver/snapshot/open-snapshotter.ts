/** Opens the snapshots of a store: the one place that puts a backend, directories and database together. */
import { asStorageError } from "../base/errors.ts";
import { type Logger, noLogger } from "../base/logger.ts";
import type { Database, Durability } from "../metadata/database.ts";
import type { Privileges } from "../sys/privileges.ts";
import { claimFormat } from "./backend-format.ts";
import { createCopyBackend } from "./copy-backend.ts";
import { SnapshotDirectories } from "./directories.ts";
import { createOverlayBackend } from "./overlay-backend.ts";
import { namesById } from "./records.ts";
import { SnapshotStore } from "./snapshot-store.ts";
import type { Snapshotter } from "./snapshotter.ts";
import { StagingArea } from "./staging-area.ts";
import { TreeThread } from "./tree-thread.ts";

export interface SnapshotterOptions {
  /** Absolute. `snapshots/` and `staging/` are made in it. */
  readonly root: string;
  /** Stays the caller's to close, after the snapshotter. */
  readonly database: Database;
  readonly backend: "overlay" | "copy";
  readonly durability: Durability;
  readonly privileges: Privileges;
  readonly logger?: Logger;
  /**
   * Where trees are deleted and measured and file systems synced. "inline", the default, keeps other calls waiting
   * meanwhile; with "threads" they go on, and a removal returns before anything is deleted.
   */
  readonly slowWork?: "inline" | "threads";
}

/**
 * Opens the snapshots below `root`, deletes what crashed processes left there, and warns of every snapshot whose
 * directory is lost (adopting its layer again repairs it). Several processes may have one root open.
 * @throws {StorageError} ERR_FAILED_PRECONDITION when the other backend, or overlay with other extended attributes, has
 * written the snapshots that are there.
 */
export async function openSnapshotter(options: SnapshotterOptions): Promise<Snapshotter> {
  const { root, database, durability, privileges, logger = noLogger } = options;
  try {
    const backend = options.backend === "overlay" ? createOverlayBackend(privileges) : createCopyBackend(privileges);
    const directories = new SnapshotDirectories(root, { syncs: durability === "full" });
    const thread = (): TreeThread | undefined => (options.slowWork === "threads" ? new TreeThread() : undefined);
    const staging = new StagingArea(root, logger, thread());
    claimFormat(database, directories, backend);
    const threads = { syncing: thread(), measuring: thread() };
    const store = new SnapshotStore({ database, backend, directories, staging, ...threads, durability, logger });
    await store.cleanup();
    for (const [id, name] of database.read(namesById)) {
      if (!directories.has(id)) logger.warn({ name, path: directories.treeOf(id) }, "snapshot without its directory");
    }
    return store;
  } catch (error) {
    throw asStorageError(error, `cannot open snapshots below ${root}`);
  }
}
