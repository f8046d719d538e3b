/**
 * A layer between its tar and its snapshot; this folder owns how a tar becomes a tree.
 *
 * Extracting (layer-extractor.ts) lays the layer's own entries below a staging root and needs nothing of the layers
 * below it, so that all layers of an image can be extracted at once. What only makes sense on top of the lower layers
 * is noted here and settled (settle.ts) when the parent is known. The meaning of both together, the one that every
 * backend and the in-memory model of test/suites agree on:
 *
 * 1. Whiteouts and opaque markers act first, on the lower layers only, wherever they stand in the tar. Their paths lead
 *    through symlinks of the lower layers, but not where this layer has an entry of its own: nothing is hidden through
 *    that.
 * 2. Then the entries act in order. A directory over a directory replaces its attributes (and its extended attributes);
 *    any other entry over an existing path removes that first, with all below it, in this layer and the lower ones.
 * 3. A parent that has no entry of its own is *implied*: where the lower layers have a directory it keeps that one's
 *    owner, mode, mtime and xattrs; where they have a symlink that leads to a directory there, the entry goes to that
 *    directory; else it is 0755, root:root, with the mtime of the entry that first implied it. Symlinks of this layer
 *    are followed, inside the root, whether or not they lead anywhere yet; what is no directory is replaced by one.
 * 4. A hard link finds its target as an entry finds its parent. To what only lower layers have, as they were before the
 *    whiteouts, it becomes a copy, with all attributes; links of one layer to one such file are links to one copy. To
 *    the layer itself such a copy is a file, even if it turns out to be a symlink: no path leads through it.
 *
 * The root is a directory like any other, implied until the tar names it, except that nothing can replace it.
 */
import type { DiffId, Digest } from "../base/digest.ts";
import type { RelPath } from "../base/path-bytes.ts";

/** A directory that an entry went through, or looked for a link's target in, while it had no entry of its own. */
export interface ImpliedDirectory {
  readonly path: RelPath;
  /** False once an entry made it explicit or took its place, and for one that was only looked through. */
  readonly lasts: boolean;
}

/** A hard link to what this layer does not have. An empty file keeps its place in the staged tree. */
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
  /** Those through which lower layers could show, in the order of the tar, also such as are gone by its end. */
  readonly implied: readonly ImpliedDirectory[];
  readonly lowerLinks: readonly LowerLink[];
  /**
   * Why the layer cannot be applied, as far as it can be told without the lower layers: a link to itself, a loop of
   * symlinks. A redirect may change it, so settling raises it, not extracting.
   */
  readonly failure?: string;
}

/**
 * Entries of the tar to lay elsewhere: `from` is an implied directory that is a symlink to the directory `to` in the
 * lower layers. It acts while the layer has nothing of its own at `from`.
 */
export interface Redirect {
  readonly from: RelPath;
  readonly to: RelPath;
}

/**
 * Inodes and bytes a layer adds, counted as containerd's Usage counts: the root and all directories too, hard links
 * once, sizes as allocated. To be the same in every backend and to cost no stat a file, allocation is reckoned: content
 * in whole blocks of 4096 bytes without the holes of sparse files, 4096 a directory, nothing for the rest.
 */
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
