/**
 * Room on the store's disk: what images under way will still write is set aside, so that the last one is not begun where
 * it cannot end.
 */
import { statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { asStorageError, isStorageError, StorageError } from "../../base/errors.ts";
import { keyOf, type PlannedImage } from "../plan/planned-image.ts";

export interface DiskGuard {
  /**
   * Waits until there is room for the image beside those under way; dispose of it when the image has ended.
   * @throws {StorageError} ERR_RESOURCE_EXHAUSTED when nothing is under way that could make room; the signal's reason.
   */
  room(image: PlannedImage, signal: AbortSignal): Promise<Disposable>;
  /** What to say when a write has failed for want of room. */
  full(error: unknown): StorageError;
}

export interface DiskGuardOptions {
  readonly root: string;
  /** Bytes that importing it will write, as it looks now. */
  readonly needOf: (image: PlannedImage) => Promise<number>;
  /** False: images are begun whatever the estimate says. */
  readonly isChecked: boolean;
}

const pollMs = 100;
/** For the database and its like. */
const reserveBytes = 16 * 1024 * 1024;

export function openDiskGuard({ root, needOf, isChecked }: DiskGuardOptions): DiskGuard {
  const under = new Map<PlannedImage, number>();
  return {
    async room(image, signal) {
      for (;;) {
        signal.throwIfAborted();
        const [needBytes, freeBytes] = isChecked ? await Promise.all([needOf(image), freeBytesOf(root)]) : [0, 0];
        // What those under way have written counts twice, on the safe side.
        const setAside = [...under.values()].reduce((sum, bytes) => sum + bytes, 0);
        if (!isChecked || needBytes === 0 || freeBytes - reserveBytes - setAside >= needBytes) {
          under.set(image, needBytes);
          return { [Symbol.dispose]: () => under.delete(image) };
        }
        if (under.size === 0) {
          throw new StorageError(
            "ERR_RESOURCE_EXHAUSTED",
            `cannot import ${keyOf(image)}: it needs about ${inMegabytes(needBytes)} at ${root}, and ` +
              `${inMegabytes(freeBytes)} are free; what was imported stays, and the next import goes on from there`,
            { details: { root, needBytes, freeBytes } },
          );
        }
        await sleep(pollMs);
      }
    },
    full(error) {
      const { code, message } = asStorageError(error);
      return new StorageError(
        code,
        `cannot go on: the disk of ${root} is full (${message}); ` +
          "make room and import again: what was imported stays, and is not done again",
        { details: { root }, cause: error },
      );
    },
  };
}

/** For this user, where the file system keeps some for root. */
export async function freeBytesOf(root: string): Promise<number> {
  const { bavail, bsize } = await statfs(root);
  return bavail * bsize;
}

const sqliteFull = 13;

/** A full disk, or a quota reached, anywhere below. */
export function isDiskFull(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const errno = "code" in at ? at.code : undefined;
    if (errno === "ENOSPC" || errno === "EDQUOT") return true;
    if (!isStorageError(at)) continue;
    const { errno: known, sqliteCode } = at.details;
    if (known === "ENOSPC" || known === "EDQUOT") return true;
    if (typeof sqliteCode === "number" && (sqliteCode & 0xff) === sqliteFull) return true;
  }
  return false;
}

export function inMegabytes(bytes: number): string {
  return bytes >= 10e9 ? `${(bytes / 1e9).toFixed(1)}GB` : `${Math.ceil(bytes / 1e6)}MB`;
}
