/** Where a file is made before it is moved to its place in a tree that is in use. */
import { randomUUID } from "node:crypto";
import { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } from "../sys/constants.ts";
import { closeFd, mkdirat, openat, tryFstatat, unlinkat } from "../sys/linux.ts";
import { pathBelow } from "../sys/path-like.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { Directory } from "./rooted-tree.ts";

/** A directory that only we may enter, beside where files go; gone with what is left in it when it is disposed of. */
export class Workshop implements Disposable {
  /** What is being made. */
  static readonly name = "it";

  readonly fd: number;
  readonly #parent: Directory;
  readonly #name = `.laminate-${randomUUID()}`;

  /** Owns `parent` from now on. */
  constructor(parent: Directory) {
    this.#parent = parent;
    try {
      mkdirat(parent.fd, this.#name, 0o700);
      this.fd = openat(parent.fd, this.#name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (error) {
      parent[Symbol.dispose]();
      throw error;
    }
  }

  create(): number {
    this.clear();
    return openat(this.fd, Workshop.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  }

  clear(): void {
    if (tryFstatat(this.fd, Workshop.name) !== undefined) unlinkat(this.fd, Workshop.name);
  }

  [Symbol.dispose](): void {
    closeFd(this.fd);
    try {
      removeTree(pathBelow(this.#parent.fd, this.#name));
    } finally {
      this.#parent[Symbol.dispose]();
    }
  }
}
