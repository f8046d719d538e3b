/**
 * Where snapshots are on disk:
 *
 *     <root>/snapshots/<id>/fs      what the snapshot holds: an overlay upperdir, or a complete tree
 *     <root>/snapshots/<id>/work    overlay's scratch, beside every active overlay snapshot
 *     <root>/snapshots/backend      which backend wrote them
 *
 * Everything but `fs` itself is 0700, so that nobody else walks in; `fs` has the mode of the image's root directory.
 * A directory without a row in the database is garbage, and only the holder of the database's write lock may say so:
 * directories are put here and rows written under that one lock.
 */
import { closeSync, fsyncSync, openSync, readdirSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isErrno } from "../base/errors.ts";
import { AT_FDCWD } from "../sys/constants.ts";
import { tryFstatat } from "../sys/linux.ts";
import { ensureDirectory, makeDirectory } from "./make-directory.ts";

export class SnapshotDirectories {
  readonly path: string;
  readonly #syncs: boolean;

  constructor(root: string, { syncs }: { readonly syncs: boolean }) {
    this.path = join(root, "snapshots");
    this.#syncs = syncs;
    ensureDirectory(this.path);
  }

  treeOf(id: number): string {
    return join(this.path, String(id), "fs");
  }

  workOf(id: number): string {
    return join(this.path, String(id), "work");
  }

  /** Undefined for what is no snapshot's tree. */
  idOfTree(tree: string): number | undefined {
    const id = Number(basename(dirname(tree)));
    return Number.isSafeInteger(id) && tree === this.treeOf(id) ? id : undefined;
  }

  has(id: number): boolean {
    return tryFstatat(AT_FDCWD, this.treeOf(id)) !== undefined;
  }

  /**
   * Makes the directories of snapshot `id`: with `tree`, which is moved, or a new empty one, 0755. To be called under
   * the database's write lock, which makes a leftover of that id the garbage of a crash: it goes to `trash`.
   */
  place(id: number, tree: string | undefined, trash: string): void {
    const home = join(this.path, String(id));
    this.discard(id, trash);
    makeDirectory(home, 0o700);
    if (tree === undefined) makeDirectory(join(home, "fs"), 0o755);
    else renameSync(tree, join(home, "fs"));
    makeDirectory(join(home, "work"), 0o700);
  }

  /** Makes what {@link place} did with these ids survive a power cut; without effect with durability "none". */
  sync(ids: readonly number[]): void {
    if (!this.#syncs || ids.length === 0) return;
    for (const id of ids) fsyncDirectory(join(this.path, String(id)));
    fsyncDirectory(this.path);
  }

  /** Moves snapshot `id` to `trash`; false if there is none. */
  discard(id: number, trash: string): boolean {
    try {
      renameSync(join(this.path, String(id)), trash);
      return true;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return false;
      throw error;
    }
  }

  /** Ids of all directories, with a row or without. */
  list(): readonly number[] {
    return readdirSync(this.path)
      .filter((name) => /^[1-9][0-9]*$/.test(name))
      .map(Number);
  }
}

function fsyncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
