/** statx(2) without its options: everything lstat(2) tells, with exact times. */
import { addon } from "./addon.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from "./constants.ts";
import { check, ENOENT, ENOTDIR } from "./errno.ts";
import type { PathLike } from "./path-like.ts";

const nanosPerSecond = 1_000_000_000n;

/** The order in which the addon fills the numbers of a stat; the same as in linux.c. */
export const statFields: readonly string[] = [
  ...["mode", "uid", "gid", "nlink", "size", "blocks", "devMajor", "devMinor", "inoHigh", "inoLow"],
  ...["rdevMajor", "rdevMinor", "atimeSeconds", "atimeNanos", "mtimeSeconds", "mtimeNanos"],
  ...["ctimeSeconds", "ctimeNanos"],
];

const filled = new Float64Array(18);

/** Field `index` of the call just made. */
function at(index: number): number {
  return filled[index] as number; // the index is one of 18 literals
}

/** A file as it was at one moment. The getters that make a bigint or a string make it anew each time. */
export class Stat {
  readonly mode: number = at(0);
  readonly uid: number = at(1);
  readonly gid: number = at(2);
  readonly nlink: number = at(3);
  readonly size: number = at(4);
  /** Units of 512 bytes. */
  readonly blocks: number = at(5);
  readonly rdevMajor: number = at(10);
  readonly rdevMinor: number = at(11);
  /** As node:fs spells it. */
  readonly dev: number = makedev(at(6), at(7));
  readonly #inoHigh: number = at(8);
  readonly #inoLow: number = at(9);
  readonly #atimeSeconds: number = at(12);
  readonly #atimeNanos: number = at(13);
  readonly #mtimeSeconds: number = at(14);
  readonly #mtimeNanos: number = at(15);
  readonly #ctimeSeconds: number = at(16);
  readonly #ctimeNanos: number = at(17);

  get ino(): bigint {
    return (BigInt(this.#inoHigh) << 32n) | BigInt(this.#inoLow);
  }

  /** Equal for two stats exactly when they are of one inode: a key for maps. */
  get devIno(): string {
    return `${this.dev}:${this.#inoHigh}:${this.#inoLow}`;
  }

  get atimeNs(): bigint {
    return BigInt(this.#atimeSeconds) * nanosPerSecond + BigInt(this.#atimeNanos);
  }

  get mtimeNs(): bigint {
    return BigInt(this.#mtimeSeconds) * nanosPerSecond + BigInt(this.#mtimeNanos);
  }

  get ctimeNs(): bigint {
    return BigInt(this.#ctimeSeconds) * nanosPerSecond + BigInt(this.#ctimeNanos);
  }
}

function makedev(major: number, minor: number): number {
  return (((minor & ~0xff) << 12) | (major << 8) | (minor & 0xff)) >>> 0;
}

/** With AT_EMPTY_PATH and "" the file that `dirfd` is, of any type, O_PATH or not. */
export function fstatat(dirfd: number, path: PathLike, flags: number = AT_SYMLINK_NOFOLLOW): Stat {
  check(addon.statx(dirfd, path, flags, filled), "statx", path);
  return new Stat();
}

/** {@link fstatat}, but undefined where there is no such file (ENOENT, ENOTDIR). */
export function tryFstatat(dirfd: number, path: PathLike, flags: number = AT_SYMLINK_NOFOLLOW): Stat | undefined {
  const result = addon.statx(dirfd, path, flags, filled);
  if (result === -ENOENT || result === -ENOTDIR) return undefined;
  check(result, "statx", path);
  return new Stat();
}

export function fstat(fd: number): Stat {
  return fstatat(fd, "", AT_EMPTY_PATH);
}
