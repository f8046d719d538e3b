/** Locks between processes and threads: flock(2) on a file of its own, gone with its holder however that ends. */
import { asStorageError } from "../base/errors.ts";
import { O_CREAT, O_NOFOLLOW, O_RDWR } from "./constants.ts";
import { AT_FDCWD, closeFd, flockFd, fstat, openat, tryFstatat, type PathLike } from "./linux.ts";

export interface LockOptions {
  /** Default true; false shares it with others that share it. */
  readonly exclusive?: boolean;
  /** Default false: waits, and with it the whole thread. */
  readonly nonBlocking?: boolean;
}

/** Held until disposed of, which may be done twice. */
export class LockFile implements Disposable {
  #fd: number | null;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Of the lock file; null when disposed of. */
  get fd(): number | null {
    return this.#fd;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== null) closeFd(this.#fd);
    this.#fd = null;
  }
}

/**
 * Opens `path`, made with mode 0600 where it is missing, and locks it; undefined when `nonBlocking` and another open
 * file, in this process or not, holds it. The holder may remove the file: who waited for it then locks a new one.
 * @throws {StorageError} by errno.
 */
export function openLocked(path: PathLike, options: LockOptions = {}): LockFile | undefined {
  const kind = options.exclusive === false ? "shared" : "exclusive";
  const nonBlocking = options.nonBlocking === true;
  try {
    for (;;) {
      const lock = new LockFile(openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600));
      const outcome = lockOpened(lock, path, kind, nonBlocking);
      if (outcome === "locked") return lock;
      lock[Symbol.dispose]();
      if (outcome === "held") return undefined;
    }
  } catch (error) {
    throw asStorageError(error, `cannot lock ${Buffer.from(path).toString()}`);
  }
}

function lockOpened(
  lock: LockFile,
  path: PathLike,
  kind: "exclusive" | "shared",
  nonBlocking: boolean,
): "locked" | "held" | "replaced" {
  const fd = lock.fd;
  if (fd === null) return "replaced";
  try {
    if (!flockFd(fd, kind, { nonBlocking })) return "held";
    return tryFstatat(AT_FDCWD, path)?.devIno === fstat(fd).devIno ? "locked" : "replaced";
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}
