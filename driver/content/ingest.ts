import { hash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { asStorageError, hasCode, isErrno, StorageError } from "../base/errors.ts";
import { openLocked } from "../sys/lock-file.ts";

/** A write that is not visible yet. Disposing of it, committed or not, removes what is left and frees its ref. */
export interface Ingest extends AsyncDisposable {
  readonly ref: string;
  /** An existing empty file, 0600, to write the bytes to. */
  readonly path: string;
}

const gateName = "gate.lock";
const lockName = "lock";
const dataName = "data";

/**
 * The directories below one such as ingest/, one for each ref: `lock`, flocked while the writer lives, and `data`. Only the holder
 * of the lock removes anything in one, so a directory whose lock is free belongs to a writer that is gone; the gate
 * keeps those who look for such from one that is just being made. Nothing is awaited behind the gate: who waits for it
 * blocks the thread.
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
      const lock = this.#lock(dir);
      if (lock === undefined) {
        throw new StorageError("ERR_UNAVAILABLE", `cannot ingest ${shown}: it is being written already`);
      }
      const path = join(dir, dataName);
      try {
        await makeEmpty(path);
      } catch (error) {
        removeIngest(dir, lock);
        throw error;
      }
      let done = false;
      const dispose = (): Promise<void> => {
        if (!done) removeIngest(dir, lock);
        done = true;
        return Promise.resolve();
      };
      return { ref, path, [Symbol.asyncDispose]: dispose };
    } catch (error) {
      throw asStorageError(error, `cannot ingest ${shown}`);
    }
  }

  /** Removes what writers that are gone have left, and says how many; those that live are not disturbed. */
  removeStale(): number {
    return this.#behindGate({ exclusive: true }, () => {
      let removed = 0;
      for (const entry of readdirSync(this.#dir, { withFileTypes: true })) {
        if (!entry.isDirectory()) continue;
        const dir = join(this.#dir, entry.name);
        const lock = tryLock(dir);
        if (typeof lock !== "object") continue;
        removeIngest(dir, lock);
        removed++;
      }
      return removed;
    });
  }

  #lock(dir: string): Disposable | undefined {
    return this.#behindGate({ exclusive: false }, () => {
      for (;;) {
        makeDirectory(dir);
        const outcome = tryLock(dir);
        if (outcome !== "gone") return outcome === "held" ? undefined : outcome;
      }
    });
  }

  #behindGate<T>(options: { readonly exclusive: boolean }, work: () => T): T {
    const gate = openLocked(join(this.#dir, gateName), options);
    try {
      return work();
    } finally {
      gate?.[Symbol.dispose]();
    }
  }
}

/** Its holder may remove it at any time. */
function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
  try {
    chmodSync(dir, 0o700);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
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
  unlinkIfThere(path);
  await using file = await open(path, "wx", 0o600);
  await file.chmod(0o600);
}

function removeIngest(dir: string, lock: Disposable): void {
  try {
    unlinkIfThere(join(dir, dataName));
    unlinkIfThere(join(dir, lockName));
    rmdirSync(dir);
  } catch (error) {
    // Not empty: another writer took the ref as soon as the lock file was gone.
    if (!isErrno(error, "ENOENT", "ENOTEMPTY", "EEXIST")) throw error;
  } finally {
    lock[Symbol.dispose]();
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}
