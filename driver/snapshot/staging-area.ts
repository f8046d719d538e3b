/**
 * Where trees are made before they are snapshots, and where they go when they are no more:
 *
 *     <root>/staging/<uuid>/{lock,fs}    in the making; its maker holds a lock on `lock`
 *     <root>/staging/trash-<uuid>        on its way out
 *     <root>/staging/lock                held for the moment in which a directory is made or judged
 *
 * A lock ends with its process, however that ends. So what is here and not locked is garbage, and collecting it never
 * takes what a live process is making, in this process or another.
 */
import { randomUUID } from "node:crypto";
import { readdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { hasCode, isErrno, StorageError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { stage } from "../base/stages.ts";
import { openLocked } from "../sys/lock-file.ts";
import { ensureDirectory, makeDirectory } from "./make-directory.ts";
import { removeWithMounts } from "./remove-with-mounts.ts";
import { Reserve } from "./reserve.ts";
import type { StagingDirectory } from "./snapshotter.ts";
import type { TreeThread } from "./tree-thread.ts";

const trashPrefix = "trash-";
/** For how long a closing store goes on deleting. */
const lastDeletionsMs = 2000;

export class StagingArea {
  readonly path: string;
  /** What is deleted here makes up for what was taken of it. */
  readonly reserve: Reserve;
  readonly #logger: Logger;
  readonly #removing: TreeThread | undefined;
  /** Trash that the thread has yet to delete. */
  readonly #queued = new Set<string>();
  #isClosed = false;

  /** Trash is deleted on the thread `removing`, or without one within the call that makes it. */
  constructor(root: string, logger: Logger, removing?: TreeThread) {
    this.path = join(root, "staging");
    this.reserve = new Reserve(root);
    this.#logger = logger;
    this.#removing = removing;
    ensureDirectory(this.path);
  }

  /** A new locked directory with an empty `fs`, 0755, in it. */
  create(): Staged {
    const path = join(this.path, randomUUID());
    return this.#locked(() => {
      makeDirectory(path, 0o700);
      const lock = requireLock(join(path, "lock"));
      makeDirectory(join(path, "fs"), 0o755);
      return new Staged(path, lock, this);
    });
  }

  /** A path to move garbage to, on the same file system. Nothing is made. */
  trashPath(): string {
    return join(this.path, `${trashPrefix}${randomUUID()}`);
  }

  /**
   * Deletes a directory of this area, trash on the thread if there is one. What cannot be deleted now is
   * logged and left to the next {@link collect}.
   */
  remove(path: string): void {
    const isTrash = basename(path).startsWith(trashPrefix);
    if (this.#removing !== undefined && isTrash) {
      this.#enqueue(path, this.#removing);
      return;
    }
    try {
      stage("snapshot.delete", () => {
        removeWithMounts(path);
      });
      if (isTrash) this.reserve.keep();
    } catch (error) {
      this.#warn(path, error);
    }
  }

  /** Deletes everything that no live process holds. */
  collect(): void {
    for (const path of this.#locked(() => this.#takeGarbage())) this.remove(path);
  }

  /** Goes on deleting for a moment; what is left then is left to who opens the area next. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#removing?.stop(lastDeletionsMs);
  }

  #enqueue(path: string, thread: TreeThread): void {
    if (this.#queued.has(path)) return;
    this.#queued.add(path);
    stage("snapshot.delete", () => thread.remove(path))
      .then(() => {
        this.reserve.keep();
      })
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#warn(path, error);
      })
      .finally(() => {
        this.#queued.delete(path);
      });
  }

  #warn(path: string, error: unknown): void {
    this.#logger.warn({ path, error }, "cannot delete garbage yet");
  }

  #takeGarbage(): readonly string[] {
    const taken: string[] = [];
    for (const { name } of readdirSync(this.path, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
      const path = join(this.path, name);
      if (name.startsWith(trashPrefix)) {
        taken.push(path);
      } else if (isAbandoned(path)) {
        const trash = this.trashPath();
        if (tryRename(path, trash)) taken.push(trash);
      }
    }
    return taken;
  }

  #locked<T>(action: () => T): T {
    const lock = requireLock(join(this.path, "lock"), { waits: true });
    try {
      return action();
    } finally {
      lock[Symbol.dispose]();
    }
  }
}

/** Disposing deletes it and what is left in it, then unlocks. */
export class Staged implements Disposable {
  readonly path: string;
  /** `fs` in it. */
  readonly tree: string;
  readonly #lock: Disposable;
  readonly #area: StagingArea;

  constructor(path: string, lock: Disposable, area: StagingArea) {
    this.path = path;
    this.tree = join(path, "fs");
    this.#lock = lock;
    this.#area = area;
  }

  [Symbol.dispose](): void {
    this.#area.remove(this.path);
    this.#lock[Symbol.dispose]();
  }
}

/** The same for callers that dispose asynchronously. */
export function stagingDirectory(staged: Staged): StagingDirectory {
  return {
    path: staged.path,
    [Symbol.asyncDispose]: () => {
      staged[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/** False when its maker deleted it between our opening its lock file and our locking that. */
function tryRename(path: string, to: string): boolean {
  try {
    renameSync(path, to);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

function isAbandoned(path: string): boolean {
  try {
    const lock = openLocked(join(path, "lock"), { nonBlocking: true });
    lock?.[Symbol.dispose]();
    return lock !== undefined;
  } catch (error) {
    // Its maker has just deleted it.
    if (hasCode(error, "ERR_NOT_FOUND")) return false;
    throw error;
  }
}

function requireLock(path: string, { waits = false } = {}): Disposable {
  const lock = openLocked(path, { nonBlocking: !waits });
  if (lock === undefined) throw new StorageError("ERR_UNAVAILABLE", `cannot lock ${path}: another process holds it`);
  return lock;
}
