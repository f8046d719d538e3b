/**
 * diff/ owns the way back from files to layers: what a tree adds to the layers below it, as changes and as a tar.
 *
 * A change is a difference that a layer can say, found by comparing what is seen above with what is seen below: type,
 * mode, owner, device numbers, link target, exported extended attributes, size, mtime, and content where the mtimes are
 * equal whole seconds, as those of images often are. How the upper side is kept does not matter: an overlay's upper
 * directory is walked alone, a complete tree side by side with the one below, and the same changes make the same tar.
 */
import type { RelPath } from "../base/path-bytes.ts";
import type { LowerLayer } from "../extract/staged-layer.ts";

/** Added, changed (replaced, too), deleted: the letters of `docker diff`. */
export interface Change {
  readonly kind: "A" | "C" | "D";
  readonly path: RelPath;
}

/** The upper directory of an overlay that nobody writes to meanwhile; `lowers` are topmost first. */
export interface OverlayDiff {
  readonly type: "overlay";
  readonly upperDir: string;
  readonly lowers: readonly LowerLayer[];
}

/** Two complete trees; null below is nothing at all: everything is added. */
export interface TreesDiff {
  readonly type: "trees";
  readonly lowerDir: string | null;
  readonly upperDir: string;
}

/** Two stacks of layers, each topmost first, as they show together; an empty one below is nothing at all. */
export interface StacksDiff {
  readonly type: "stacks";
  readonly lowers: readonly LowerLayer[];
  readonly uppers: readonly LowerLayer[];
}

export type DiffKind = OverlayDiff | TreesDiff | StacksDiff;
