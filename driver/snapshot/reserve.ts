import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fallocate } from "../sys/linux.ts";

/** What SQLite writes for some dozens of removals. */
const reserveBytes = 1024 * 1024;

/**
 * Room that is put by for a full disk: only removing makes room there, and to remove a snapshot the database has to
 * write. `<root>/reserve` holds nothing but its blocks.
 */
export class Reserve {
  readonly #path: string;

  constructor(root: string) {
    this.#path = join(root, "reserve");
  }

  /** Puts the room by, unless it is, or there is none to spare. */
  keep(): void {
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
    try {
      const fd = openSync(this.#path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        if (!fallocate(fd, 0, 0, reserveBytes)) writeSync(fd, Buffer.alloc(reserveBytes));
      } catch {
        this.release();
      } finally {
        closeSync(fd);
      }
    } catch {
      // It is there, or this is not the moment.
    }
  }

  /** Gives the room back to the file system; false when none was put by. */
  release(): boolean {
    try {
      unlinkSync(this.#path);
      return true;
    } catch {
      return false;
    }
  }
}
