import { hash } from "node:crypto";
import { chmod, mkdir, open, readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { asStorageError, hasCode, isErrno, StorageError } from "../base/errors.ts";
import { openLocked } from "../sys/lock-file.ts";

/** A write that is not visible yet. Disposing of it, committed or not, removes what is left and frees its ref. */
export interface Ingest extends AsyncDisposable {
  readonly ref: string;
  /** An existing empty file, 0600, to write the bytes to. */
  readonly path: string;
}

const lockName = "lock";
const dataName = "data";

/**
 * The directories below one such as ingest/, one for each ref: `lock`, flocked while the writer lives, and `data`. Only the holder
 * of the lock removes anything in one, so a directory whose lock is free belongs to a writer that is gone.
 */
export class Ingests {
  readonly #dir: string;

  /** @param dir exists; nothing but ingests and plain files is in it. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** @throws {StorageError} ERR_UNAVAILABLE while another ingest, here or in another process, holds `ref`. */
  async start(ref: string): Promise<Ingest> {
    const shown = JSON.stringify(ref.slice(0, 200));
    const dir = join(this.#dir, hash("sha256", ref).slice(0, 32));
    try {
      const lock = await lockIngest(dir);
      if (lock === undefined) {
        throw new StorageError("ERR_UNAVAILABLE", `cannot ingest ${shown}: it is being written already`);
      }
      const path = join(dir, dataName);
      try {
        await makeEmpty(path);
      } catch (error) {
        await removeIngest(dir, lock);
        throw error;
      }
      let done = false;
      const dispose = async (): Promise<void> => {
        if (done) return;
        done = true;
        await removeIngest(dir, lock);
      };
      return { ref, path, [Symbol.asyncDispose]: dispose };
    } catch (error) {
      throw asStorageError(error, `cannot ingest ${shown}`);
    }
  }

  /** Removes what writers that are gone have left; those that live, in any process, are not disturbed. */
  async removeStale(): Promise<void> {
    for (const entry of await readdir(this.#dir, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const dir = join(this.#dir, entry.name);
      const lock = tryLock(dir);
      if (typeof lock === "object") await removeIngest(dir, lock);
    }
  }
}

async function lockIngest(dir: string): Promise<Disposable | undefined> {
  for (;;) {
    try {
      await mkdir(dir, { mode: 0o700 });
      await chmod(dir, 0o700);
    } catch (error) {
      // ENOENT: another process removed it between the two.
      if (!isErrno(error, "EEXIST", "ENOENT")) throw error;
    }
    const outcome = tryLock(dir);
    if (outcome !== "gone") return outcome === "held" ? undefined : outcome;
  }
}

function tryLock(dir: string): Disposable | "held" | "gone" {
  try {
    return openLocked(join(dir, lockName), { exclusive: true, nonBlocking: true }) ?? "held";
  } catch (error) {
    if (hasCode(error, "ERR_NOT_FOUND")) return "gone";
    throw error;
  }
}

async function makeEmpty(path: string): Promise<void> {
  await unlinkIfThere(path);
  await using file = await open(path, "wx", 0o600);
  await file.chmod(0o600);
}

async function removeIngest(dir: string, lock: Disposable): Promise<void> {
  try {
    await unlinkIfThere(join(dir, dataName));
    await unlinkIfThere(join(dir, lockName));
    await rmdir(dir);
  } catch (error) {
    // Not empty: another writer took the ref as soon as the lock file was gone.
    if (!isErrno(error, "ENOENT", "ENOTEMPTY", "EEXIST")) throw error;
  } finally {
    lock[Symbol.dispose]();
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}
