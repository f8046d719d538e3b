/** What walking two sides gives: one change, and for what is there a way to look at it. */
import type { RelPath } from "../base/path-bytes.ts";
import type { Xattrs } from "./exported-xattrs.ts";
import type { PlacedNode } from "./same-node.ts";

/** Something that is there above. Its place is valid until the walk goes on. */
export interface PresentNode extends PlacedNode {
  readonly change: "A" | "C";
  readonly path: RelPath;
  /** Known for directories. */
  readonly xattrs: Xattrs | undefined;
}

export interface DeletedNode {
  readonly change: "D";
  readonly path: RelPath;
}

export type ChangedNode = PresentNode | DeletedNode;
