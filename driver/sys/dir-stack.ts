/** Walking down and up a directory tree of any depth, by descriptors but with few of them open. */
import { StorageError } from "../base/errors.ts";
import { bytesOf, shownPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "./constants.ts";
import { closeFd, fstat, openat } from "./linux.ts";

/** Opens the directory `name` of `parentFd` without following a symlink. */
export type OpenChild = (parentFd: number, name: Buffer) => number;

interface Frame {
  /** A latin1 string of bytes. */
  readonly name: string;
  /** null while closed to spare descriptors. */
  fd: number | null;
  /** Known from when it was closed. */
  devIno: string;
}

/**
 * The way from a root directory to the current one. The root and the last `maxOpen` directories are open; the others
 * are opened again through ".." on the way up, and must then be the directories that they were.
 */
export class DirStack implements Disposable {
  readonly #rootFd: number;
  readonly #open: OpenChild;
  readonly #maxOpen: number;
  readonly #frames: Frame[] = [];
  /** Frames from this index on are open. */
  #firstOpen = 0;

  /** Owns `rootFd` from now on. */
  constructor(rootFd: number, open: OpenChild, maxOpen = 32) {
    this.#rootFd = rootFd;
    this.#open = open;
    this.#maxOpen = maxOpen;
  }

  /** Of the current directory; the stack closes it. */
  get fd(): number {
    return this.#frames.at(-1)?.fd ?? this.#rootFd;
  }

  get depth(): number {
    return this.#frames.length;
  }

  /** Of the current directory relative to the root, latin1. Made anew each time. */
  get path(): string {
    return this.#frames.map((frame) => frame.name).join("/");
  }

  enter(name: string): void {
    this.#frames.push({ name, fd: this.#open(this.fd, bytesOf(name)), devIno: "" });
    const oldest = this.#frames[this.#firstOpen];
    if (this.#frames.length - this.#firstOpen <= this.#maxOpen || oldest === undefined) return;
    oldest.devIno = fstat(oldest.fd ?? this.#rootFd).devIno;
    this.#close(oldest);
    this.#firstOpen++;
  }

  /**
   * Goes up and returns the name of the directory left. `last` runs on its descriptor when the parent is open again,
   * so it may take away the permission to search.
   * @throws {StorageError} ERR_ABORTED when the directory has been moved to another parent meanwhile.
   */
  leave(last?: (fd: number) => void): string {
    const left = this.#frames.at(-1);
    if (left === undefined) throw new RangeError("already at the root");
    const parent = this.#frames.at(-2);
    if (parent?.fd === null) {
      const fd = openat(this.fd, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (fstat(fd).devIno !== parent.devIno) {
        closeFd(fd);
        throw new StorageError("ERR_ABORTED", `cannot walk ${shownPath(this.path)}: it was moved to another directory`);
      }
      parent.fd = fd;
      this.#firstOpen--;
    }
    try {
      last?.(this.fd);
    } finally {
      this.#frames.pop();
      this.#close(left);
    }
    return left.name;
  }

  [Symbol.dispose](): void {
    for (const frame of this.#frames) this.#close(frame);
    this.#frames.length = 0;
    closeFd(this.#rootFd);
  }

  #close(frame: Frame): void {
    if (frame.fd !== null) closeFd(frame.fd);
    frame.fd = null;
  }
}
