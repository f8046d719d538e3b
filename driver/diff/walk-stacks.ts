/** Two stacks of layers side by side, as each shows itself when it is mounted, without mounting them. */
import { joinPath, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { LowerView, type LowerNode } from "../extract/lower-view.ts";
import { S_ISDIR } from "../sys/constants.ts";
import { inContext } from "../sys/in-context.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { ChangedNode, PresentNode } from "./changed-node.ts";
import type { StacksDiff } from "./changes.ts";
import { sameXattrs } from "./exported-xattrs.ts";
import { canBeSaid, placedBelow, sameNode, sameStat, xattrsOf } from "./same-node.ts";

interface Level {
  readonly path: RelPath;
  /** The change that this directory is, while it has not been told. */
  untold: PresentNode | undefined;
  /** Names to visit, the next one last. */
  readonly todo: string[];
}

/** As walkChanges, and in its order. Hard links that differ while each file is the same are no change. */
export function* walkStacks(
  { lowers, uppers }: StacksDiff,
  { overlayXattr }: Privileges,
  onDirectory: () => void,
): Generator<ChangedNode, void, undefined> {
  using lower = new LowerView(lowers, { overlayXattr });
  using upper = new LowerView(uppers, { overlayXattr });
  const walk = new StacksWalk(lower, upper, overlayXattr, onDirectory);
  yield* walk.run();
}

class StacksWalk {
  readonly #lower: LowerView;
  readonly #upper: LowerView;
  readonly #overlayXattr: string;
  readonly #onDirectory: () => void;
  readonly #levels: Level[] = [];

  constructor(lower: LowerView, upper: LowerView, overlayXattr: string, onDirectory: () => void) {
    this.#lower = lower;
    this.#upper = upper;
    this.#overlayXattr = overlayXattr;
    this.#onDirectory = onDirectory;
  }

  *run(): Generator<ChangedNode, void, undefined> {
    const root = this.#upper.lookup(rootPath);
    if (root === undefined) return;
    yield* this.#enter(root);
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const name = level.todo.pop();
      if (name === undefined) this.#levels.pop();
      else yield* this.#visit(joinPath(level.path, name));
    }
  }

  *#visit(path: RelPath): Generator<ChangedNode, void, undefined> {
    const node = sayable(this.#upper, path);
    if (node === undefined) return;
    if (S_ISDIR(node.stat.mode)) {
      yield* this.#enter(node);
      return;
    }
    const below = sayable(this.#lower, path);
    const place = placedBelow(this.#upper, node);
    try {
      if (below !== undefined && sameNode(place, placedBelow(this.#lower, below), this.#overlayXattr)) return;
    } catch (error) {
      throw inContext(error, `cannot compare ${shownPath(path)}`);
    }
    yield* this.#tellParents();
    yield { ...place, change: below === undefined ? "A" : "C", path, xattrs: undefined };
  }

  *#enter(node: LowerNode): Generator<ChangedNode, void, undefined> {
    this.#onDirectory();
    const { path, stat } = node;
    const below = sayable(this.#lower, path);
    const place = placedBelow(this.#upper, node);
    const xattrs = xattrsOf(place, this.#overlayXattr);
    const isSame =
      below !== undefined &&
      sameStat(stat, below.stat) &&
      sameXattrs(xattrs, xattrsOf(placedBelow(this.#lower, below), this.#overlayXattr));
    const kept = this.#upper.list(path).filter((name) => sayable(this.#upper, joinPath(path, name)) !== undefined);
    const present = new Set(kept);
    const deleted = this.#lower
      .list(path)
      .filter((name) => !present.has(name) && sayable(this.#lower, joinPath(path, name)) !== undefined);
    const told: PresentNode = { ...place, change: below === undefined ? "A" : "C", path, xattrs };
    // No layer is without a root, so it is never told for the sake of what it holds.
    this.#levels.push({ path, untold: isSame && path === rootPath ? undefined : told, todo: kept.reverse() });
    if (!isSame || deleted.length > 0) yield* this.#tellParents();
    for (const name of deleted) yield { change: "D", path: joinPath(path, name) };
  }

  *#tellParents(): Generator<ChangedNode, void, undefined> {
    for (const level of this.#levels) {
      if (level.untold === undefined) continue;
      yield level.untold;
      level.untold = undefined;
    }
  }
}

function sayable(view: LowerView, path: RelPath): LowerNode | undefined {
  const node = view.lookup(path);
  return node !== undefined && canBeSaid(node.stat) ? node : undefined;
}
