/** The tree that an extraction lays: what is made and removed in it, with the notes and counts that follow from that. */
import { isErrno } from "../base/errors.ts";
import { joinPath, rootPath, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_ISDIR, S_ISLNK, S_ISREG } from "../sys/constants.ts";
import { AT_FDCWD, closeFd, mkdirat, openat, tryFstatat, unlinkat, type Stat } from "../sys/linux.ts";
import { pathBelow } from "../sys/path-like.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { TarEntry } from "../tar/entry.ts";
import type { AttributeWriter } from "./attributes.ts";
import { statBeneath, syscallPath } from "./beneath.ts";
import { DirectoryRecords } from "./directory-records.ts";
import { NotesBuilder } from "./notes-builder.ts";
import type { LayerNotes, Usage } from "./staged-layer.ts";
import { allocatedBytes, countTree, directoryBytes } from "./usage.ts";

/** An open directory of the staged tree, O_PATH, and its place there without symlinks. */
export interface Directory {
  readonly fd: number;
  readonly path: RelPath;
}

export class StagedTree {
  readonly notes: NotesBuilder = new NotesBuilder();
  readonly root: Directory;
  readonly #records = new DirectoryRecords();
  readonly #writer: AttributeWriter;
  /** Called when a directory or a symlink goes: what is known of paths may not hold any more. */
  onPathsChanged: () => void = () => undefined;
  #inodes = 1;
  #sizeBytes: number = directoryBytes;
  #isCountStale = false;

  constructor(rootDir: string, writer: AttributeWriter) {
    this.root = { fd: openat(AT_FDCWD, rootDir, O_PATH | O_DIRECTORY | O_NOFOLLOW), path: rootPath };
    this.#writer = writer;
    this.#records.setImplied(rootPath, 0n);
    this.notes.addImplied(rootPath);
  }

  /** The first entry that needs the root implies it. */
  implyRoot(mtimeNs: bigint): void {
    if (this.notes.isImplied(rootPath)) this.#records.setImplied(rootPath, mtimeNs);
  }

  makeImplied(parent: Directory, name: string, mtimeNs: bigint): void {
    const path = joinPath(parent.path, name);
    const at = syscallPath(name);
    mkdirat(parent.fd, at, 0o700);
    this.#writer.toImplied(parent.fd, at);
    this.#records.setImplied(path, mtimeNs);
    this.notes.addImplied(path);
    this.count(directoryBytes);
  }

  /** The entry's directory: made, or given the entry's attributes where it is. */
  layDirectory(parent: Directory, name: string, entry: TarEntry): void {
    const path = name === "." ? parent.path : joinPath(parent.path, name);
    const at = syscallPath(name);
    let isNew = true;
    try {
      mkdirat(parent.fd, at, 0o700);
      this.count(directoryBytes);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
      isNew = this.removeNonDirectory(parent, name);
      if (isNew) {
        mkdirat(parent.fd, at, 0o700);
        this.count(directoryBytes);
      }
    }
    this.#writer.toDirectory(parent.fd, at, entry, isNew);
    this.#records.setExplicit(entry, path);
    this.notes.endImplied(path);
  }

  /** False when a directory is there. A directory is to take its place. */
  removeNonDirectory(parent: Directory, name: string): boolean {
    const stat = tryFstatat(parent.fd, syscallPath(name));
    if (stat === undefined || S_ISDIR(stat.mode)) return false;
    this.#unlink(parent, name, stat);
    this.notes.addReplaced(joinPath(parent.path, name));
    return true;
  }

  /** Removes what is at `name`, with all below it, to make room for something else. */
  remove(parent: Directory, name: string): void {
    const at = syscallPath(name);
    const stat = tryFstatat(parent.fd, at);
    if (stat === undefined) return;
    if (!S_ISDIR(stat.mode)) {
      this.#unlink(parent, name, stat);
      return;
    }
    this.#isCountStale = true;
    removeTree(pathBelow(parent.fd, at));
    this.onPathsChanged();
  }

  #unlink(parent: Directory, name: string, stat: Stat): void {
    this.#isCountStale = true;
    unlinkat(parent.fd, syscallPath(name));
    if (S_ISLNK(stat.mode)) this.onPathsChanged();
  }

  /** One inode more, with this much allocated. */
  count(sizeBytes: number): void {
    this.#inodes++;
    this.#sizeBytes += sizeBytes;
  }

  countContent(contentBytes: number): void {
    this.#sizeBytes += allocatedBytes(contentBytes);
  }

  finish(): { notes: LayerNotes; usage: Usage } {
    this.#records.apply(this.root.fd, this.#writer);
    const notes = this.notes.finish(({ path }) => {
      const stat = statBeneath(this.root.fd, path);
      return stat !== undefined && S_ISREG(stat.mode);
    });
    if (!this.#isCountStale) return { notes, usage: { inodes: this.#inodes, sizeBytes: this.#sizeBytes } };
    const places = new Set(notes.lowerLinks.map(({ path }) => path));
    return { notes, usage: countTree(this.root.fd, (path) => places.has(path)) };
  }

  close(): void {
    closeFd(this.root.fd);
  }
}
