/** Changes as a tar: the order, the headers and the data of a layer. */
import { readSync } from "node:fs";
import { baseOf, joinPath, parentOf, shownPath, type RelPath } from "../base/path-bytes.ts";
import { isErrno, StorageError } from "../base/errors.ts";
import { allocatedBytes, directoryBytes } from "../extract/usage.ts";
import type { Usage } from "../extract/staged-layer.ts";
import { S_IFMT, S_ISDIR, S_ISLNK, S_ISREG, SEEK_DATA, SEEK_HOLE } from "../sys/constants.ts";
import { openSource, type SourceFile } from "../sys/copy-file.ts";
import { inContext } from "../sys/in-context.ts";
import { fstat, lseek, type Stat } from "../sys/linux.ts";
import type { Owner } from "../sys/privileges.ts";
import type { EntryType } from "../tar/entry.ts";
import { endOfArchive, paddingAfter, tarHeader, type WritableEntry } from "../tar/tar-writer.ts";
import type { BlobWriter } from "./blob-writer.ts";
import type { ChangedNode, PresentNode } from "./changed-node.ts";
import { entryOf, entryTypeOf } from "./entry-of.ts";
import { exportedXattrsOf, hasPaxForm, noXattrs, type Xattrs } from "./exported-xattrs.ts";
import { linkTargetOf, xattrsOf } from "./same-node.ts";

export interface PackOptions {
  /** Of the upper side; null for a plain tree. */
  readonly overlayXattr: string | null;
  /** mtimes above this become this. */
  readonly latestMtimeNs: bigint | null;
  /** Owners on disk that are root in the layer; null for none but root. */
  readonly standIn?: Owner | null;
}

export interface Packed {
  readonly changes: number;
  readonly usage: Usage;
  readonly warnings: readonly string[];
}

const whiteoutPrefix = ".wh.";

/**
 * Writes all changes and the end of the archive. Sparse files are written in full: image-spec layer.md advises against
 * sparse entries, where holes lie depends on the file system, and a run of zeros compresses to a thousandth.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for a name that a layer cannot say; others by errno.
 */
export async function packLayer(
  changes: Iterable<ChangedNode>,
  blob: BlobWriter,
  options: PackOptions,
): Promise<Packed> {
  const packer = new Packer(blob, options);
  for (const change of changes) {
    try {
      await packer.add(change);
    } catch (error) {
      throw inContext(error, `cannot pack ${shownPath(change.path)}`);
    }
  }
  await blob.append(endOfArchive);
  return packer.result();
}

class Packer {
  readonly #blob: BlobWriter;
  readonly #options: PackOptions;
  /** By inode, the path that its content went under. */
  readonly #firstPaths = new Map<string, RelPath>();
  readonly #warnings: string[] = [];
  #changes = 0;
  #inodes = 1;
  #sizeBytes = directoryBytes;

  constructor(blob: BlobWriter, options: PackOptions) {
    this.#blob = blob;
    this.#options = options;
  }

  result(): Packed {
    const usage = { inodes: this.#inodes, sizeBytes: this.#sizeBytes };
    return { changes: this.#changes, usage, warnings: this.#warnings };
  }

  async add(node: ChangedNode): Promise<void> {
    if (node.change === "D") {
      await this.#begin(whiteout(node.path));
      return;
    }
    if (baseOf(node.path).startsWith(whiteoutPrefix)) {
      const reason = `a name that begins with ${whiteoutPrefix} means a deletion in a layer`;
      throw new StorageError("ERR_INVALID_ARGUMENT", reason);
    }
    const { stat, path } = node;
    const type = typeOf(stat);
    const linkTarget = type === "directory" ? undefined : this.#firstPaths.get(stat.devIno);
    if (linkTarget !== undefined) {
      const xattrs = this.#sayable(path, xattrsOf(node, this.#options.overlayXattr));
      await this.#begin({ ...this.#entry(path, stat, "hardlink", xattrs), linkTarget });
      return;
    }
    if (type === "file") {
      await this.#addFile(node);
    } else {
      const xattrs = this.#sayable(path, node.xattrs ?? xattrsOf(node, this.#options.overlayXattr));
      const target = S_ISLNK(stat.mode) ? linkTargetOf(node) : "";
      await this.#begin({ ...this.#entry(path, stat, type, xattrs), linkTarget: target });
    }
    this.#count(node.path, stat);
  }

  async #addFile(node: PresentNode): Promise<void> {
    let source: SourceFile;
    try {
      source = node.use((dirfd, name) => openSource(dirfd, name));
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
      this.#warnings.push(`${shownPath(node.path)} was deleted while it was packed: left out`);
      return;
    }
    using file = source;
    const { fd, stat } = file;
    const found = exportedXattrsOf(fd, this.#options.overlayXattr);
    await this.#begin(this.#entry(node.path, stat, "file", this.#sayable(node.path, found)));
    const read =
      stat.blocks * 512 < stat.size ? await this.#copySparse(fd, stat.size) : await this.#copy(fd, 0, stat.size);
    await this.#blob.appendZeros(stat.size - read + paddingAfter(stat.size));
    const { size } = fstat(fd);
    if (size !== stat.size || read < stat.size) {
      const now = `had ${stat.size} bytes, then ${size}`;
      this.#warnings.push(`${shownPath(node.path)} was written to while it was packed: it ${now}`);
    }
  }

  /** Returns where it had to stop: `end`, or earlier at the end of the file. */
  async #copy(fd: number, start: number, end: number): Promise<number> {
    for (let at = start; at < end;) {
      const room = await this.#blob.room();
      const got = readSync(fd, room, 0, Math.min(room.length, end - at), at);
      if (got === 0) return at;
      this.#blob.filled(got);
      at += got;
    }
    return end;
  }

  /** As {@link #copy}, from 0; holes are not read. */
  async #copySparse(fd: number, end: number): Promise<number> {
    for (let at = 0; at < end;) {
      const data = lseek(fd, at, SEEK_DATA);
      const start = data < 0 ? end : Math.min(data, end);
      await this.#blob.appendZeros(start - at);
      if (start === end) break;
      const hole = lseek(fd, start, SEEK_HOLE);
      const stop = hole < 0 ? end : Math.min(hole, end);
      at = await this.#copy(fd, start, stop);
      if (at < stop) return at;
    }
    return end;
  }

  async #begin(entry: WritableEntry): Promise<void> {
    this.#changes++;
    await this.#blob.append(tarHeader(entry));
  }

  #entry(path: RelPath, stat: Stat, type: EntryType, xattrs: Xattrs): WritableEntry {
    const { latestMtimeNs, standIn = null } = this.#options;
    const entry = entryOf(path, stat, { type, xattrs, standIn });
    if (latestMtimeNs === null || stat.mtimeNs <= latestMtimeNs) return entry;
    return { ...entry, mtimeNs: latestMtimeNs };
  }

  /** Attributes that PAX has no form for are left out, loudly. */
  #sayable(path: RelPath, xattrs: Xattrs): Xattrs {
    const lost = [...xattrs].filter((xattr) => !hasPaxForm(xattr));
    if (lost.length === 0) return xattrs;
    for (const [name] of lost) {
      const reason = name.includes("=") ? "its name holds =" : "it is empty";
      this.#warnings.push(`extended attribute ${shownPath(name)} of ${shownPath(path)} is left out: ${reason}`);
    }
    return new Map([...xattrs].filter(hasPaxForm));
  }

  #count(path: RelPath, stat: Stat): void {
    if (!S_ISDIR(stat.mode)) {
      if (stat.nlink > 1) this.#firstPaths.set(stat.devIno, path);
      if (S_ISREG(stat.mode)) this.#sizeBytes += allocatedBytes(stat.size);
    } else if (path === "") {
      return;
    } else {
      this.#sizeBytes += directoryBytes;
    }
    this.#inodes++;
  }
}

function whiteout(path: RelPath): WritableEntry {
  return {
    type: "file",
    path: joinPath(parentOf(path), whiteoutPrefix + baseOf(path)),
    linkTarget: "",
    mode: 0,
    uid: 0,
    gid: 0,
    mtimeNs: 0n,
    sizeBytes: 0,
    devMajor: 0,
    devMinor: 0,
    xattrs: noXattrs,
  };
}

function typeOf(stat: Stat): EntryType {
  const type = entryTypeOf(stat);
  if (type === undefined) throw new StorageError("ERR_INTERNAL", `its type is ${(stat.mode & S_IFMT).toString(8)}`);
  return type;
}
