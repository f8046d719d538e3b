/** What a layer's whiteouts and opaque markers mean on the layers below it. */
import { baseOf, joinPath, parentOf, rootPath, type RelPath } from "../base/path-bytes.ts";
import { S_ISDIR, S_ISLNK } from "../sys/constants.ts";
import type { Hidden, LowerView } from "./lower-view.ts";
import type { LayerNotes } from "./staged-layer.ts";

export interface Deletions {
  /** What whiteouts and markers hide of the lower layers, before any entry acts. */
  readonly hidden: Hidden;
  /** As {@link SettledLayer} has them: the fewest that do it, in byte order. */
  readonly whiteouts: readonly RelPath[];
  readonly opaques: readonly RelPath[];
}

/** `staged` shows the layer alone. */
export function resolveDeletions(lower: LowerView, staged: LowerView, notes: LayerNotes): Deletions {
  const walker = new DeletionWalker(lower, staged, notes);
  const gone = new Set<RelPath>();
  const hollow = new Set<RelPath>();
  for (const path of notes.whiteouts) {
    const parent = walker.directoryOf(parentOf(path));
    if (parent === undefined) continue;
    const victim = joinPath(parent, baseOf(path));
    if (lower.lookup(victim) !== undefined) gone.add(victim);
  }
  for (const path of notes.opaques) {
    const directory = walker.directoryOf(path);
    if (directory !== undefined) hollow.add(directory);
  }
  if (hollow.has(rootPath)) {
    // Overlay reads no mark on the root of a layer.
    hollow.delete(rootPath);
    for (const name of lower.list(rootPath)) gone.add(name as RelPath);
  }
  const replaced = notes.replaced.filter((path) => lower.isDirectory(path) && staged.isDirectory(path));
  return { hidden: { gone, hollow }, ...marksOf(lower, staged, new Set([...gone, ...replaced]), hollow) };
}

function marksOf(
  lower: LowerView,
  staged: LowerView,
  gone: ReadonlySet<RelPath>,
  hollow: ReadonlySet<RelPath>,
): { whiteouts: RelPath[]; opaques: RelPath[] } {
  const whiteouts: RelPath[] = [];
  const opaques: RelPath[] = [];
  const isBelowHidden = (path: RelPath): boolean => {
    for (let at = path; at !== rootPath;) {
      at = parentOf(at);
      if (gone.has(at) || hollow.has(at)) return true;
    }
    return false;
  };
  for (const path of gone) {
    if (isBelowHidden(path)) continue;
    const own = staged.lookup(path);
    if (own === undefined) {
      whiteouts.push(path);
    } else if (S_ISDIR(own.stat.mode) && lower.isDirectory(path)) {
      opaques.push(path);
    }
  }
  for (const path of hollow) {
    if (!gone.has(path) && !isBelowHidden(path)) opaques.push(path);
  }
  return { whiteouts: whiteouts.sort(), opaques: opaques.sort() };
}

/** Follows paths of whiteouts through the lower layers, as far as this layer has nothing of its own in the way. */
class DeletionWalker {
  readonly #lower: LowerView;
  readonly #staged: LowerView;
  /** Directories of the staged tree that lower layers can lead elsewhere. */
  readonly #implied: ReadonlySet<RelPath>;

  constructor(lower: LowerView, staged: LowerView, notes: LayerNotes) {
    this.#lower = lower;
    this.#staged = staged;
    const replaced = new Set(notes.replaced);
    this.#implied = new Set(
      notes.implied
        .filter((record) => record.lasts && !hasSelfOrAncestorIn(record.path, replaced))
        .map(({ path }) => path),
    );
  }

  /** The lower directory; undefined when there is none, or not through here. */
  directoryOf(path: RelPath): RelPath | undefined {
    let here = rootPath;
    const todo = path === rootPath ? [] : path.split("/").reverse();
    if (!this.#lower.isDirectory(rootPath)) return undefined;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      const next = joinPath(here, name);
      const own = this.#staged.lookup(next);
      if (own !== undefined && !S_ISDIR(own.stat.mode)) return undefined;
      const node = this.#lower.lookup(next);
      if (node === undefined) return undefined;
      if (S_ISDIR(node.stat.mode)) {
        here = next;
        continue;
      }
      if (!S_ISLNK(node.stat.mode)) return undefined;
      if (own !== undefined && !this.#implied.has(next)) return undefined;
      const target = this.#lower.resolveDirectory(next);
      if (target === undefined) return undefined;
      // The target's own path has no symlinks, but this layer may be in its way.
      if (!this.#isOpenTo(target)) return undefined;
      here = target;
    }
    return here;
  }

  #isOpenTo(path: RelPath): boolean {
    for (let at = path; at !== rootPath; at = parentOf(at)) {
      const own = this.#staged.lookup(at);
      if (own !== undefined) return S_ISDIR(own.stat.mode);
    }
    return true;
  }
}

/** Also true when the path itself is in the set. */
export function hasSelfOrAncestorIn(path: RelPath, set: ReadonlySet<RelPath>): boolean {
  if (set.size === 0) return false;
  for (let at = path; at !== rootPath; at = parentOf(at)) {
    if (set.has(at)) return true;
  }
  return false;
}
