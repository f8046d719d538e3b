/** The life of a snapshot, the same for every backend: containerd's verbs, its errors and its promises on a crash. */
import type { LowerLayer, Usage } from "../extract/staged-layer.ts";
import { asStorageError, hasCode, StorageError } from "../base/errors.ts";
import { stage } from "../base/stages.ts";
import type { Sql } from "../metadata/database.ts";
import type { Mount } from "../mount/mount.ts";
import { clockRealtimeNs } from "../sys/linux.ts";
import { adoptLayers } from "./adopt.ts";
import { parseFilters } from "./filter.ts";
import { parseLabels, updateLabels } from "./labels.ts";
import { lostTree, readError, readingTree } from "./lost-tree.ts";
import { measureGrowth } from "./measure-tree.ts";
import * as records from "./records.ts";
import type {
  AdoptedCapture,
  AdoptedLayer,
  CommitSnapshotOptions,
  SnapshotInfo,
  SnapshotKind,
  SnapshotOptions,
  Snapshotter,
  StagingDirectory,
} from "./snapshotter.ts";
import { stagingDirectory } from "./staging-area.ts";
import type { SnapshotStoreParts } from "./store-parts.ts";
import { syncTrees } from "./sync-file-system.ts";

const walkPageSize = 100;
const noUsage: Usage = { inodes: 0, sizeBytes: 0 };

export class SnapshotStore implements Snapshotter {
  readonly #parts: SnapshotStoreParts;
  #isClosed = false;

  constructor(parts: SnapshotStoreParts) {
    this.#parts = parts;
  }

  get backend(): "overlay" | "copy" {
    return this.#parts.backend.name;
  }

  stat(key: string): Promise<SnapshotInfo> {
    return this.#run(({ database }) =>
      database.read((sql) => records.infoOf(records.requireSnapshot(sql, key, "stat"))),
    );
  }

  update(
    { name, labels }: { name: string; labels: Readonly<Record<string, string>> },
    fieldPaths?: readonly string[],
  ): Promise<SnapshotInfo> {
    // Labels are taken away on the way to making room.
    const gives = Object.keys(labels).length > 0;
    return this.#run(({ database }) => {
      const write = (sql: Sql) => {
        const { id, labels: current } = records.requireSnapshot(sql, name, "update");
        records.relabelSnapshot(sql, id, updateLabels(parseLabels(current), labels, fieldPaths), clockRealtimeNs());
        return records.infoOf(records.requireSnapshot(sql, name, "update"));
      };
      return gives ? database.write(write) : this.#writeOnReserve(write);
    });
  }

  usage(key: string): Promise<Usage> {
    return this.#run(
      ({ database }) => {
        const record = database.read((sql) => records.requireSnapshot(sql, key, "measure"));
        switch (record.kind) {
          case "committed":
            return { inodes: record.inodes, sizeBytes: record.size_bytes };
          case "view":
            return noUsage;
          case "active":
            return this.#measure(record);
        }
      },
      `measure snapshot ${JSON.stringify(key)}`,
    );
  }

  mounts(key: string): Promise<readonly Mount[]> {
    return this.#run(({ database }) =>
      database.read((sql) => {
        const record = records.requireSnapshot(sql, key, "mount");
        if (record.kind === "committed") {
          throw records.refusal("ERR_FAILED_PRECONDITION", "mount", key, "it is committed: prepare or view it");
        }
        return this.#mountsOf(sql, record);
      }),
    );
  }

  prepare(key: string, parent: string, options?: SnapshotOptions): Promise<readonly Mount[]> {
    return this.#run(() => this.#create("active", key, parent, options), `prepare snapshot ${JSON.stringify(key)}`);
  }

  view(key: string, parent: string, options?: SnapshotOptions): Promise<readonly Mount[]> {
    return this.#run(() => this.#create("view", key, parent, options), `view snapshot ${JSON.stringify(key)}`);
  }

  async commit(name: string, key: string, { labels = {}, parent = "" }: CommitSnapshotOptions = {}): Promise<void> {
    const check = (sql: Sql) => {
      records.requireFree(sql, name, "commit");
      const record = records.requireSnapshot(sql, key, "commit");
      if (record.kind !== "active") {
        throw records.refusal("ERR_FAILED_PRECONDITION", "commit", key, `it is ${record.kind}, not active`);
      }
      return { ...record, parent_id: parent === "" ? record.parent_id : this.#parentAtCommit(sql, record, parent) };
    };
    const measured = await this.#run(
      async ({ database }) => {
        requireName(name);
        const record = database.read(check);
        return { ...record, usage: await this.#measure(record) };
      },
      `measure snapshot ${JSON.stringify(key)}`,
    );
    await syncTrees(this.#parts, this.#parts.directories.treeOf(measured.id));
    return this.#run(({ database }) => {
      database.write((sql) => {
        const { id, parent_id } = check(sql);
        if (id !== measured.id || parent_id !== measured.parent_id) {
          throw records.refusal("ERR_ABORTED", "commit", key, "it was removed and made again meanwhile");
        }
        const nowNs = clockRealtimeNs();
        records.commitSnapshot(sql, id, { name, parentId: parent_id, labels, nowNs, usage: measured.usage });
      });
    });
  }

  remove(key: string): Promise<void> {
    return this.#run(({ directories, staging, logger }) => {
      const { id } = this.#writeOnReserve((sql) => {
        const record = records.requireSnapshot(sql, key, "remove");
        records.deleteSnapshot(sql, record);
        return record;
      });
      const trash = staging.trashPath();
      try {
        if (directories.discard(id, trash)) staging.remove(trash);
      } catch (error) {
        logger.warn({ name: key, error }, "cannot delete a removed snapshot's directory yet");
      }
    });
  }

  async *walk(filters: readonly string[] = []): AsyncGenerator<SnapshotInfo, void, undefined> {
    const matches = await this.#run(() => parseFilters(filters));
    for (let afterId = 0; ;) {
      const page = await this.#run(({ database }) =>
        database.read((sql) => records.pageOfSnapshots(sql, afterId, walkPageSize)),
      );
      yield* page.map(records.infoOf).filter(matches);
      const last = page.at(-1);
      if (last === undefined || page.length < walkPageSize) return;
      afterId = last.id;
    }
  }

  cleanup(): Promise<void> {
    return this.#run(({ staging }) => {
      this.#collect();
      staging.reserve.keep();
    });
  }

  stage(): Promise<StagingDirectory> {
    return this.#run(({ staging }) => stagingDirectory(staging.create()));
  }

  lowerLayers(name: string): Promise<readonly LowerLayer[]> {
    return this.#run(({ database, directories, backend }) => {
      const ids = database.read((sql) => {
        const record = records.requireParent(sql, name, "read");
        return record === undefined ? [] : [record.id, ...records.ancestorsOf(sql, record.id)];
      });
      const layers = backend.lowerLayers(ids.map((id) => directories.treeOf(id)));
      const lost = ids.slice(0, layers.length).find((id) => !directories.has(id));
      if (lost !== undefined) throw lostTree(name, directories.treeOf(lost));
      return layers;
    });
  }

  capture(key: string): Promise<StagingDirectory> {
    return this.#run(({ directories, backend, staging }) => {
      const record = this.#requireActive(key, "capture");
      const staged = staging.create();
      try {
        readingTree(this.#parts, record, "capture", () => {
          backend.capture(directories.treeOf(record.id), staged.tree);
        });
      } catch (error) {
        staged[Symbol.dispose]();
        throw error;
      }
      return stagingDirectory(staged);
    });
  }

  ownTree(key: string): Promise<string> {
    return this.#run(({ directories }) => directories.treeOf(this.#requireActive(key, "look into").id));
  }

  ownerOf(tree: string): Promise<string | undefined> {
    return this.#run(({ database, directories }) => {
      const id = directories.idOfTree(tree);
      return id === undefined ? undefined : database.read((sql) => records.nameOfId(sql, id));
    });
  }

  adopt(layers: readonly (AdoptedLayer | AdoptedCapture)[], alongside?: (sql: Sql) => void): Promise<void> {
    return this.#run(async (parts) => {
      try {
        await adoptLayers(layers, parts, alongside);
      } catch (error) {
        this.#collectQuietly();
        throw error;
      }
    });
  }

  /** Idempotent. The database stays open: it is its opener's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const { syncing, measuring, staging } = this.#parts;
    await Promise.all([syncing?.stop(0), measuring?.stop(0), staging[Symbol.asyncDispose]()]);
  }

  #create(
    kind: SnapshotKind,
    key: string,
    parentName: string,
    { labels = {} }: SnapshotOptions = {},
  ): readonly Mount[] {
    const { database, backend, directories, staging } = this.#parts;
    const verb = kind === "view" ? "view" : "prepare";
    requireName(key);
    const check = (sql: Sql) => {
      const parent = records.requireParent(sql, parentName, verb);
      records.requireFree(sql, key, verb);
      return parent;
    };
    const parent = database.read(check);
    const parentTree = parent && directories.treeOf(parent.id);
    return readingTree(this.#parts, parent, verb, () => {
      using staged = backend.copiesFiles(parentTree, kind) ? staging.create() : undefined;
      try {
        if (staged !== undefined) backend.populate(staged.tree, parentTree, kind);
        return database.write((sql) => {
          const parentId = check(sql)?.id ?? null;
          if (parentId !== (parent?.id ?? null)) {
            throw records.refusal("ERR_ABORTED", verb, key, `${JSON.stringify(parentName)} was made anew meanwhile`);
          }
          const nowNs = clockRealtimeNs();
          const id = records.insertSnapshot(sql, { name: key, parentId, kind, labels, nowNs, usage: noUsage });
          directories.place(id, staged?.tree, staging.trashPath());
          if (staged === undefined) backend.populate(directories.treeOf(id), parentTree, kind);
          directories.sync([id]);
          return this.#mountsOf(sql, records.requireSnapshot(sql, key, verb));
        });
      } catch (error) {
        this.#collectQuietly();
        throw error;
      }
    });
  }

  /** The id of `parent` for a snapshot that has it already, or has none. */
  #parentAtCommit(sql: Sql, { name, parent_id, parent: has }: records.SnapshotRecord, parent: string): number {
    const { id, kind } = records.requireSnapshot(sql, parent, "commit on");
    if (kind !== "committed") {
      throw records.refusal("ERR_FAILED_PRECONDITION", "commit on", parent, `it is ${kind}, not committed`);
    }
    if (parent_id !== null && parent_id !== id) {
      const reason = `it stands on ${JSON.stringify(has)}, not on ${JSON.stringify(parent)}`;
      throw records.refusal("ERR_INVALID_ARGUMENT", "commit", name, reason);
    }
    if (parent_id === null && this.backend === "copy") {
      const reason = `it was made on nothing, and the copy backend cannot put it on ${JSON.stringify(parent)} now`;
      throw records.refusal("ERR_UNIMPLEMENTED", "commit", name, reason);
    }
    return id;
  }

  #requireActive(key: string, verb: string): records.SnapshotRecord {
    const record = this.#parts.database.read((sql) => records.requireSnapshot(sql, key, verb));
    if (record.kind === "active") return record;
    throw records.refusal("ERR_FAILED_PRECONDITION", verb, key, `it is ${record.kind}, not active`);
  }

  #mountsOf(sql: Sql, { id, kind }: records.SnapshotRecord): readonly Mount[] {
    const { backend, directories } = this.#parts;
    const ancestors = records.ancestorsOf(sql, id).map((ancestor) => directories.treeOf(ancestor));
    return backend.mounts({ kind, tree: directories.treeOf(id), work: directories.workOf(id), ancestors });
  }

  async #measure(record: records.SnapshotRecord): Promise<Usage> {
    const { backend, directories, measuring } = this.#parts;
    const { id, parent_id } = record;
    const growth = backend.growth(
      directories.treeOf(id),
      parent_id === null ? undefined : directories.treeOf(parent_id),
    );
    try {
      return await stage("snapshot.measure", () =>
        measuring === undefined ? measureGrowth(growth) : measuring.measure(growth),
      );
    } catch (error) {
      throw readError(this.#parts, record, "measure", error);
    }
  }

  /** Writes what makes room, or leads to it: on a full disk in the room that was put by. */
  #writeOnReserve<T>(fn: (sql: Sql) => T): T {
    const { database, staging } = this.#parts;
    try {
      return database.write(fn);
    } catch (error) {
      if (!hasCode(error, "ERR_RESOURCE_EXHAUSTED") || !staging.reserve.release()) throw error;
      return database.write(fn);
    }
  }

  /** Only the holder of the write lock knows which directories will never get a row. */
  #collect(): void {
    const { database, directories, staging } = this.#parts;
    const garbage = (sql: Sql) => {
      const known = records.namesById(sql);
      return directories.list().filter((id) => !known.has(id));
    };
    if (database.read(garbage).length > 0) {
      database.write((sql) => {
        for (const id of garbage(sql)) directories.discard(id, staging.trashPath());
      });
    }
    staging.collect();
  }

  /** After a failure, which must not be hidden by another. */
  #collectQuietly(): void {
    try {
      this.#collect();
    } catch (error) {
      this.#parts.logger.warn({ error }, "cannot collect garbage yet");
    }
  }

  async #run<T>(action: (parts: SnapshotStoreParts) => T | Promise<T>, what = "use snapshots"): Promise<T> {
    if (this.#isClosed) throw new StorageError("ERR_UNAVAILABLE", "cannot use snapshots: the snapshotter is closed");
    try {
      return await action(this.#parts);
    } catch (error) {
      throw error instanceof Error && "errno" in error ? asStorageError(error, `cannot ${what}`) : error;
    }
  }
}

function requireName(name: string): void {
  if (name === "") throw new StorageError("ERR_INVALID_ARGUMENT", "cannot make a snapshot: its name is empty");
}
