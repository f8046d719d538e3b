/** The one walk over the upper side, and what of it is a change. */
import { joinPath, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { syscallPath } from "../extract/beneath.ts";
import { LowerView, type LowerNode } from "../extract/lower-view.ts";
import { S_ISDIR, S_ISREG } from "../sys/constants.ts";
import { DirStack } from "../sys/dir-stack.ts";
import { inContext } from "../sys/in-context.ts";
import { fgetxattr, getxattrat, readdir, tryFstatat, type DirEntry } from "../sys/linux.ts";
import { ModeLender } from "../sys/mode-lender.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { DiffKind } from "./changes.ts";
import type { ChangedNode, PresentNode } from "./changed-node.ts";
import { exportedXattrsOf, sameXattrs, type Xattrs } from "./exported-xattrs.ts";
import { pathsRelinked } from "./link-groups.ts";
import { canBeSaid, placedBelow, sameNode, sameStat, xattrsOf, type PlacedNode } from "./same-node.ts";
import { walkStacks } from "./walk-stacks.ts";

/**
 * Changes in the order of a layer: a directory, then what is deleted in it, then what it holds by the bytes of the names,
 * each with all below. Directories with changes below come too; the root only when it has changed itself. Memory is one
 * record a directory on the way; for two trees with hard links in them, also one a link.
 * `onDirectory` is called on the way and may throw.
 * @throws {StorageError} as {@link exportedXattrsOf}; others by errno.
 */
export function* walkChanges(
  kind: DiffKind,
  privileges: Privileges,
  onDirectory: () => void = () => undefined,
): Generator<ChangedNode, void, undefined> {
  if (kind.type === "stacks") {
    yield* walkStacks(kind, privileges, onDirectory);
    return;
  }
  const isOverlay = kind.type === "overlay";
  const lends = !privileges.canChown;
  const lowers = isOverlay
    ? kind.lowers
    : kind.lowerDir === null
      ? []
      : [{ dir: kind.lowerDir, whiteouts: [], opaques: [] }];
  using lower = new LowerView(lowers, { overlayXattr: privileges.overlayXattr });
  const relinked =
    isOverlay || kind.lowerDir === null ? new Set<RelPath>() : pathsRelinked(kind.lowerDir, kind.upperDir, lends);
  const lender = new ModeLender(lends);
  using stack = new DirStack(lender.openRoot(kind.upperDir), lender.open);
  const walk = new Walk(lower, isOverlay ? privileges.overlayXattr : null, relinked, lender, stack, onDirectory);
  try {
    yield* walk.run();
  } finally {
    walk.close();
  }
}

/** A directory on the way. */
interface Level {
  readonly path: RelPath;
  /** What is not here is not there at all, so that what lower layers have here is deleted. */
  readonly isComplete: boolean;
  /** The change that this directory is, while it has not been told. */
  untold: PresentNode | undefined;
  /** Names to visit, the next one last. */
  readonly todo: string[];
}

class Walk {
  readonly #lower: LowerView;
  /** Null for a complete tree. */
  readonly #overlayXattr: string | null;
  readonly #relinked: ReadonlySet<RelPath>;
  readonly #lender: ModeLender;
  readonly #stack: DirStack;
  readonly #onDirectory: () => void;
  readonly #levels: Level[] = [];

  constructor(
    lower: LowerView,
    overlayXattr: string | null,
    relinked: ReadonlySet<RelPath>,
    lender: ModeLender,
    stack: DirStack,
    onDirectory: () => void,
  ) {
    this.#onDirectory = onDirectory;
    this.#lower = lower;
    this.#overlayXattr = overlayXattr;
    this.#relinked = relinked;
    this.#lender = lender;
    this.#stack = stack;
  }

  *run(): Generator<ChangedNode, void, undefined> {
    yield* this.#enter(rootPath, false);
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const name = level.todo.pop();
      if (name === undefined) this.#leave();
      else yield* this.#visit(level, name);
    }
  }

  /** Takes back what was lent when the walk ends early. */
  close(): void {
    while (this.#levels.length > 0) this.#leave();
  }

  #leave(): void {
    this.#levels.pop();
    const takeBack = (fd: number): void => {
      this.#lender.takeBack(fd);
    };
    if (this.#stack.depth > 0) this.#stack.leave(takeBack);
    else takeBack(this.#stack.fd);
  }

  *#visit(level: Level, name: string): Generator<ChangedNode, void, undefined> {
    const path = joinPath(level.path, name);
    const at = syscallPath(name);
    const dirfd = this.#stack.fd;
    const stat = tryFstatat(dirfd, at);
    if (stat === undefined) return;
    if (S_ISDIR(stat.mode)) {
      try {
        this.#stack.enter(name);
      } catch (error) {
        throw inContext(error, `cannot walk ${shownPath(path)}`);
      }
      yield* this.#enter(path, level.isComplete);
      return;
    }
    const below = this.#below(path);
    const place: PlacedNode = { stat, use: (action) => action(dirfd, at) };
    if (below !== undefined && this.#isSame(path, place, below)) return;
    yield* this.#tellParents();
    yield { ...place, change: below === undefined ? "A" : "C", path, xattrs: undefined };
  }

  #isSame(path: RelPath, place: PlacedNode, below: LowerNode): boolean {
    // A file that overlay has copied up has lost its links; one with links was given them above.
    const isLinked = this.#overlayXattr !== null && (place.stat.nlink > 1 || below.stat.nlink > 1);
    if (isLinked || this.#relinked.has(path)) return false;
    try {
      return sameNode(place, placedBelow(this.#lower, below), this.#overlayXattr);
    } catch (error) {
      throw inContext(error, `cannot compare ${shownPath(path)}`);
    }
  }

  /** The directory that the stack is at. */
  *#enter(path: RelPath, isParentComplete: boolean): Generator<ChangedNode, void, undefined> {
    this.#onDirectory();
    const fd = this.#stack.fd;
    const { stat } = this.#lender;
    let xattrs: Xattrs;
    try {
      xattrs = exportedXattrsOf(fd, this.#overlayXattr);
    } catch (error) {
      throw inContext(error, `cannot export ${shownPath(path)}`);
    }
    const opacity = this.#overlayXattr === null ? undefined : fgetxattr(fd, `${this.#overlayXattr}opaque`)?.toString();
    const isComplete = this.#overlayXattr === null || isParentComplete || opacity === "y";
    const below = this.#below(path);
    const isSame =
      below !== undefined &&
      sameStat(stat, below.stat) &&
      sameXattrs(xattrs, xattrsOf(placedBelow(this.#lower, below), null));
    const { kept, deleted } = this.#sort(path, readdir(fd), isComplete, opacity === "x");
    const node: PresentNode = {
      change: below === undefined ? "A" : "C",
      path,
      stat,
      xattrs,
      use: (action) => action(fd, "."),
    };
    // No layer is without a root, so it is never told for the sake of what it holds.
    const untold = isSame && path === rootPath ? undefined : node;
    this.#levels.push({ path, isComplete, untold, todo: kept.sort().reverse() });
    if (!isSame || deleted.length > 0) yield* this.#tellParents();
    for (const name of deleted.sort()) yield { change: "D", path: joinPath(path, name) };
  }

  /** The directories on the way that have not been told yet, this one too. */
  *#tellParents(): Generator<ChangedNode, void, undefined> {
    for (const level of this.#levels) {
      if (level.untold === undefined) continue;
      yield level.untold;
      level.untold = undefined;
    }
  }

  /** Tells what is there from what is not: whiteouts, and what no layer can say. */
  #sort(
    path: RelPath,
    entries: readonly DirEntry[],
    isComplete: boolean,
    hasMarkedFiles: boolean,
  ): { kept: string[]; deleted: string[] } {
    const kept: string[] = [];
    const gone: string[] = [];
    for (const entry of entries) {
      (this.#isThere(entry, hasMarkedFiles) ? kept : gone).push(entry.name);
    }
    if (!isComplete) return { kept, deleted: gone.filter((name) => this.#below(joinPath(path, name)) !== undefined) };
    const present = new Set(kept);
    const deleted = this.#lower
      .list(path)
      .filter((name) => !present.has(name) && this.#below(joinPath(path, name)) !== undefined);
    return { kept, deleted };
  }

  #isThere({ name, type }: DirEntry, hasMarkedFiles: boolean): boolean {
    if (type === "socket") return false;
    const mayBeMark = type === "char-device" || type === "unknown" || (hasMarkedFiles && type === "file");
    if (!mayBeMark) return true;
    const at = syscallPath(name);
    const stat = tryFstatat(this.#stack.fd, at);
    if (stat === undefined || !canBeSaid(stat)) return false;
    if (!hasMarkedFiles || !S_ISREG(stat.mode) || stat.size > 0 || this.#overlayXattr === null) return true;
    return getxattrat(this.#stack.fd, at, `${this.#overlayXattr}whiteout`) === undefined;
  }

  #below(path: RelPath): LowerNode | undefined {
    const node = this.#lower.lookup(path);
    return node !== undefined && canBeSaid(node.stat) ? node : undefined;
  }
}
