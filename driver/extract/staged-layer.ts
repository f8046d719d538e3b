/**
 * A layer between its tar and its snapshot.
 *
 * Extracting lays the layer's own entries below a staging root and needs nothing of the layers below it, so that all
 * layers of an image can be extracted at once. What only makes sense on top of the lower layers is noted here and
 * settled when the parent is known. The meaning of both together, the one that every backend and the model agree on:
 *
 * 1. Whiteouts and opaque markers act first, on the lower layers only, wherever they stand in the tar.
 * 2. Then the entries act in order. A directory over a directory replaces its attributes (and its extended attributes);
 *    any other entry over an existing path removes that first, with all below it, in this layer and the lower ones.
 * 3. A parent that has no entry of its own is *implied*: where the lower layers have a directory it keeps that one's
 *    owner, mode, mtime and xattrs; where they have a symlink that leads to a directory there, the entry goes to that
 *    directory; else it is 0755, root:root, with the mtime of the entry that first implied it.
 * 4. A hard link to a file that only lower layers have becomes a copy of it, with its attributes.
 */
import type { DiffId, Digest } from "../base/digest.ts";
import type { RelPath } from "../base/path-bytes.ts";

export interface ImpliedDirectory {
  readonly path: RelPath;
  /** Of the entry that first implied it. */
  readonly mtimeNs: bigint;
  /** Index of the entry that implied it, counted from 0 in the layer's tar. */
  readonly fromEntry: number;
  /** Index of the directory entry that later made it explicit; null while none has. */
  readonly explicitEntry: number | null;
}

export interface LowerLink {
  readonly path: RelPath;
  readonly target: RelPath;
}

/** Structured-clonable: a worker thread returns it. */
export interface LayerNotes {
  /** Cleaned paths without the `.wh.` prefix: what the whiteout hides. */
  readonly whiteouts: readonly RelPath[];
  /** Directories with an opaque marker. */
  readonly opaques: readonly RelPath[];
  /** Directories that took the place of another entry of this layer: nothing of the lower one shows through. */
  readonly replaced: readonly RelPath[];
  readonly implied: readonly ImpliedDirectory[];
  readonly lowerLinks: readonly LowerLink[];
}

/** Entries of the tar to lay elsewhere: `from` is an implied directory that is a symlink to `to` in the lower layers. */
export interface Redirect {
  readonly from: RelPath;
  readonly to: RelPath;
  /** The redirect acts on entries with an index below this one; null for all. */
  readonly untilEntry: number | null;
}

/** Inodes and bytes a layer adds, as containerd's Usage counts: hard links once, sizes as allocated by st_blocks. */
export interface Usage {
  readonly inodes: number;
  readonly sizeBytes: number;
}

declare const verifiedBrand: unique symbol;

/** A staged layer whose size, digest and diffID are proven. Only layer/ mints it; nothing else may be committed. */
export interface VerifiedLayer {
  readonly [verifiedBrand]: true;
  readonly digest: Digest;
  readonly diffId: DiffId;
  /** Absolute path of the directory that holds `fs/`, the extracted tree, on the file system of the snapshots. */
  readonly stagingDir: string;
  readonly notes: LayerNotes;
  readonly usage: Usage;
}

/** A verified layer after settling on its parent: complete but for the deletions, which each backend keeps its own way. */
export interface SettledLayer {
  readonly layer: VerifiedLayer;
  /** Paths of the lower layers that are gone; their parents exist in the staged tree. */
  readonly whiteouts: readonly RelPath[];
  /** Directories of the staged tree through which nothing of the lower layers shows. */
  readonly opaques: readonly RelPath[];
  /** Of the tree as it stands now; an overlay adds one inode a whiteout. */
  readonly usage: Usage;
}

/**
 * One layer as seen from above: a directory in overlay form, or a complete tree. Marks on disk (char 0:0 devices,
 * `*.overlay.opaque`) count, and so do the lists, for a settled layer whose marks are not written yet.
 */
export interface LowerLayer {
  readonly dir: string;
  readonly whiteouts: readonly RelPath[];
  readonly opaques: readonly RelPath[];
}
