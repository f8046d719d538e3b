import { hash } from "node:crypto";
import {
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { open, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, parseDigest } from "../base/digest.ts";
import { asStorageError, hasCode, isErrno, StorageError } from "../base/errors.ts";
import { openLocked } from "../sys/lock-file.ts";

/** A write that is not visible yet. Disposing of it, committed or not, removes what is left and frees its ref. */
export interface Ingest extends AsyncDisposable {
  readonly ref: string;
  /** An existing empty file, 0600, to write the bytes to. */
  readonly path: string;
}

/** The bytes of one blob as far as they have come: kept when its writer ends, so that another goes on. */
export interface PartialBlob extends AsyncDisposable {
  /** A file, 0600, with what is there. */
  readonly path: string;
  /** When it was taken; what is there then need not be right. */
  readonly sizeBytes: number;
  /** Drops what is there: the file is empty again. */
  restart(): Promise<void>;
}

const gateName = "gate.lock";
const lockName = "lock";
const dataName = "data";
const digestName = "digest";
const partialPrefix = "partial-";
/** Who has not come back for the rest by then will not. */
const partialLifeMs = 24 * 3600 * 1000;

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

  /** Undefined while another writer, here or in another process, has it. */
  async resume(digest: Digest): Promise<PartialBlob | undefined> {
    const dir = this.#partialDir(digest);
    const path = join(dir, dataName);
    try {
      const lock = this.#lock(dir);
      if (lock === undefined) return undefined;
      try {
        await writeFile(join(dir, digestName), digest, { mode: 0o600 });
        // Its writer may have died between making it read-only and moving it to where blobs are.
        if (existsSync(path)) chmodSync(path, 0o600);
        await using file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
        const { size } = await file.stat();
        return {
          path,
          sizeBytes: size,
          restart: () => truncate(path, 0),
          [Symbol.asyncDispose]: () => {
            lock[Symbol.dispose]();
            return Promise.resolve();
          },
        };
      } catch (error) {
        lock[Symbol.dispose]();
        throw error;
      }
    } catch (error) {
      throw asStorageError(error, `cannot ingest ${digest}`);
    }
  }

  /** Of the blobs that somebody has come for of late, and may be coming back for. */
  partialDigests(): readonly Digest[] {
    return readdirSync(this.#dir).flatMap((name) => {
      if (!name.startsWith(partialPrefix) || isOld(join(this.#dir, name))) return [];
      try {
        return parseDigest(readFileSync(join(this.#dir, name, digestName), "utf8"));
      } catch {
        return [];
      }
    });
  }

  /** What is there of a blob goes, unless somebody is at it. */
  forgetPartial(digest: Digest): void {
    const dir = this.#partialDir(digest);
    if (!existsSync(dir)) return;
    const lock = this.#behindGate({ exclusive: false }, () => tryLock(dir));
    if (typeof lock === "object") removeIngest(dir, lock);
  }

  #partialDir(digest: Digest): string {
    return join(this.#dir, `${partialPrefix}${hash("sha256", digest).slice(0, 32)}`);
  }

  /** Removes what writers that are gone have left, and says how many; those that live are not disturbed. */
  removeStale(): number {
    return this.#behindGate({ exclusive: true }, () => {
      let removed = 0;
      for (const entry of readdirSync(this.#dir, { withFileTypes: true })) {
        if (!entry.isDirectory()) continue;
        const dir = join(this.#dir, entry.name);
        if (entry.name.startsWith(partialPrefix) && !isOld(dir)) continue;
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

/** By its last use; a directory that is gone is old. */
function isOld(dir: string): boolean {
  try {
    return Date.now() - statSync(join(dir, digestName)).mtimeMs > partialLifeMs;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    throw error;
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
    unlinkIfThere(join(dir, digestName));
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
