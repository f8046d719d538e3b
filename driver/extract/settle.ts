/** Completing a staged layer with what its lower layers know: the second half of what a layer means. */
import { join } from "node:path";
import { asStorageError, StorageError } from "../base/errors.ts";
import { parentOf, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { S_ISDIR, S_ISLNK } from "../sys/constants.ts";
import type { Privileges } from "../sys/privileges.ts";
import { hasSelfOrAncestorIn, resolveDeletions } from "./deletions.ts";
import { LowerView, type LowerNode } from "./lower-view.ts";
import { SettlingTree, type LinkCopy } from "./settling-tree.ts";
import type { LayerNotes, LowerLayer, Redirect, SettledLayer, VerifiedLayer } from "./staged-layer.ts";

/**
 * Settles `layer` on the layers below it, topmost first, which nobody changes meanwhile.
 *
 * Redirects: the layer's entries go through symlinks of the lower layers. Nothing has been changed; extract the layer
 * again, into an empty directory, with these and all redirects it has got before, then settle that. Each round finds
 * new ones; there are no more rounds than such symlinks lie in each other.
 *
 * Settled: the staged tree now holds all but the deletions, which are for {@link writeOverlayMarks} or
 * {@link mergeSettled}.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for a hard link to nothing or to a directory, or a failure of extraction.
 */
export function settleLayer(
  lowers: readonly LowerLayer[],
  layer: VerifiedLayer,
  privileges: Privileges,
): { redirects: readonly Redirect[] } | { settled: SettledLayer } {
  try {
    using lower = new LowerView(lowers, { overlayXattr: privileges.overlayXattr });
    using staged = new LowerView([{ dir: join(layer.stagingDir, "fs"), whiteouts: [], opaques: [] }]);
    const deletions = resolveDeletions(lower, staged, layer.notes);
    const remaining = lower.without(deletions.hidden);
    const redirects = findRedirects(remaining, layer.notes);
    if (redirects.length > 0) return { redirects };
    if (layer.notes.failure !== undefined) throw new StorageError("ERR_INVALID_ARGUMENT", layer.notes.failure);

    const adoptions = findAdoptions(remaining, staged, layer.notes);
    const links = findLinks(lower, layer.notes);
    using tree = new SettlingTree(layer, lower, privileges);
    for (const node of adoptions) tree.copyAttributesOf(node, node.path);
    for (const path of deletions.opaques) tree.ensureDirectory(path);
    for (const path of deletions.whiteouts) tree.ensureDirectory(parentOf(path));
    const opaques = new Set(deletions.opaques);
    const leftOut = tree
      .copyLinks(links)
      .filter((path) => remaining.lookup(path) !== undefined && !hasSelfOrAncestorIn(path, opaques));
    const whiteouts = [...deletions.whiteouts, ...leftOut].sort();
    return { settled: { layer, whiteouts, opaques: deletions.opaques, usage: tree.usage } };
  } catch (error) {
    throw asStorageError(error, `cannot settle layer ${layer.diffId}`);
  }
}

/** Directories that entries went through, or links looked through, where the lower layers have a symlink to one. */
function findRedirects(remaining: LowerView, notes: LayerNotes): Redirect[] {
  const redirects = new Map<RelPath, Redirect>();
  for (const { path } of notes.implied) {
    if (path === rootPath || redirects.has(path)) continue;
    const node = remaining.lookup(path);
    if (node === undefined || !S_ISLNK(node.stat.mode)) continue;
    const to = remaining.resolveDirectory(path);
    if (to !== undefined) redirects.set(path, { from: path, to });
  }
  return [...redirects.values()];
}

/** Lower directories whose attributes the layer's implied ones take. */
function findAdoptions(remaining: LowerView, staged: LowerView, notes: LayerNotes): LowerNode[] {
  const replaced = new Set(notes.replaced);
  return notes.implied.flatMap(({ path, lasts }) => {
    if (!lasts || hasSelfOrAncestorIn(path, replaced) || !staged.isDirectory(path)) return [];
    const node = remaining.lookup(path);
    return node !== undefined && S_ISDIR(node.stat.mode) ? [node] : [];
  });
}

function findLinks(lower: LowerView, notes: LayerNotes): LinkCopy[] {
  return notes.lowerLinks.map(({ path, target }) => {
    const source = lower.resolve(target);
    const what = `cannot link ${shownPath(path)} to ${shownPath(target)}`;
    if (source === undefined) {
      throw new StorageError("ERR_INVALID_ARGUMENT", `${what}: neither this layer nor those below it have it`);
    }
    if (S_ISDIR(source.stat.mode)) throw new StorageError("ERR_INVALID_ARGUMENT", `${what}: it is a directory`);
    return { path, source };
  });
}
