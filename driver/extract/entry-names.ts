/** What the name of a tar entry says: image-spec layer.md, Whiteouts, and what AUFS left in old images. */
import { StorageError } from "../base/errors.ts";
import { baseOf, joinPath, parentOf, shownPath, type RelPath } from "../base/path-bytes.ts";
import type { TarEntry } from "../tar/entry.ts";

const prefix = ".wh.";
const metadataPrefix = ".wh..wh.";
const opaqueName = ".wh..wh..opq";

export type Meaning =
  | { readonly kind: "content" }
  /** `path` of the lower layers is to be hidden. */
  | { readonly kind: "whiteout"; readonly path: RelPath }
  /** All that lower layers have in the directory `path` is to be hidden. */
  | { readonly kind: "opaque"; readonly path: RelPath }
  /** AUFS's bookkeeping, which is no part of the layer. */
  | { readonly kind: "metadata" };

const content: Meaning = { kind: "content" };
const metadata: Meaning = { kind: "metadata" };

/**
 * Only the last component can be a marker: `.wh.etc/x` is an ordinary path.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for a whiteout of no name, "." or "..", and for one that is no file.
 */
export function meaningOf(entry: TarEntry): Meaning {
  const { path } = entry;
  if (!path.includes(prefix)) return content;
  if (path.startsWith(metadataPrefix) && path !== opaqueName) return metadata;
  const base = baseOf(path);
  if (!base.startsWith(prefix)) return content;
  if (base.startsWith(metadataPrefix) && base !== opaqueName) return metadata;
  // AUFS made its whiteouts hard links of one file.
  if (entry.type !== "file" && entry.type !== "hardlink") throw invalid(path, `it is a ${entry.type}, not a file`);
  if (base === opaqueName) return { kind: "opaque", path: parentOf(path) };
  const name = base.slice(prefix.length);
  if (name === "" || name === "." || name === "..") throw invalid(path, "it names nothing");
  return { kind: "whiteout", path: joinPath(parentOf(path), name) };
}

/** True for the place where AUFS kept what its hard links link to. */
export function isAufsLinkTarget(target: RelPath): boolean {
  return target === ".wh..wh.plnk" || target.startsWith(".wh..wh.plnk/");
}

function invalid(path: RelPath, reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot apply whiteout ${shownPath(path)}: ${reason}`);
}
