/**
 * What layers mean, as plain as it can be said: a map of paths that entries act on one after the other. It follows the
 * four rules of driver/extract/staged-layer.ts, shares no code with the driver's way of doing it, and is what that way
 * is tested against. It knows no file system, no privileges and no limits.
 */
import { baseOf, joinPath, latin1Of, parentOf, rootPath, type RelPath } from "../../driver/base/path-bytes.ts";
import type { TarEntry, TarHandler } from "../../driver/tar/entry.ts";
import { TarReader } from "../../driver/tar/tar-reader.ts";
import type { ModelInode, ModelTree } from "./model-tree.ts";

export interface ModelEntry {
  readonly entry: TarEntry;
  readonly data: Uint8Array;
}

/** The entries of a tar with their data, which for sparse files is the stored extents. */
export function readEntries(tar: Uint8Array): ModelEntry[] {
  const entries: { entry: TarEntry; data: Buffer }[] = [];
  const handler: TarHandler = {
    entry: (entry) => void entries.push({ entry, data: Buffer.alloc(0) }),
    data: (bytes) => {
      const last = entries.at(-1);
      if (last !== undefined) last.data = Buffer.concat([last.data, bytes]);
    },
    endOfEntry: () => undefined,
  };
  const reader = new TarReader(handler);
  reader.push(tar);
  reader.end();
  return entries;
}

/** A layer that no lower layers can make sense of. */
export class ModelFailure extends Error {}

/** The layers one on top of the other, lowest first. @throws {ModelFailure} */
export function applyLayers(layers: readonly (readonly ModelEntry[])[]): ModelTree {
  return layers.reduce<ModelTree>((lower, entries) => applyLayer(lower, entries), new Map());
}

/**
 * One layer on a tree; an empty map stands for no lower layers. What whiteouts hide depends on what the layer itself
 * has, which can depend on what is hidden: it starts from the layer alone and goes on until both agree.
 * @throws {ModelFailure}
 */
export function applyLayer(lower: ModelTree, entries: readonly ModelEntry[]): ModelTree {
  let applied = new Application(new Map(), new Map(), entries);
  let shown = "";
  for (let round = 0; round < 50; round++) {
    const deleted = deletionsOf(lower, applied, entries);
    const now = [...deleted].sort().join("\0");
    if (round > 0 && now === shown) return applied.result();
    shown = now;
    applied = new Application(new Map([...lower].filter(([path]) => !deleted.has(path))), lower, entries);
  }
  throw new ModelFailure("whiteouts and entries never agree");
}

interface Node {
  readonly inode: ModelInode;
  /**
   * "lower": not touched by this layer. "implied": made for an entry's sake where lower layers may show. "own": an
   * entry, or made where an entry was. "missing": a link to nothing.
   */
  readonly kind: "lower" | "implied" | "own" | "missing";
  /** A directory where something else of this layer was. */
  readonly isReplacement?: boolean;
  /** For a copy of a lower file, that file's path. */
  readonly copyOf?: RelPath;
}

const maxJumps = 40;

/** Rules 2 to 4 at work. */
class Application {
  readonly nodes = new Map<RelPath, Node>();
  /** What is left of the lower layers after whiteouts, and all of them. */
  readonly #remaining: ModelTree;
  readonly #lower: ModelTree;
  readonly #copies = new Map<RelPath, ModelInode>();
  #failure: ModelFailure | undefined;

  constructor(remaining: ModelTree, lower: ModelTree, entries: readonly ModelEntry[]) {
    this.#remaining = remaining;
    this.#lower = lower;
    for (const [path, inode] of remaining) this.nodes.set(path, { inode, kind: "lower" });
    const contents = entries.filter(({ entry }) => meaningOf(entry.path).kind === "content");
    if (!this.nodes.has(rootPath)) {
      this.nodes.set(rootPath, { inode: impliedInode(contents[0]?.entry.mtimeNs ?? 0n), kind: "implied" });
    }
    for (const { entry, data } of contents) {
      try {
        this.#lay(entry, data);
      } catch (error) {
        if (!(error instanceof ModelFailure)) throw error;
        this.#failure ??= error;
      }
    }
  }

  result(): ModelTree {
    if (this.#failure !== undefined) throw this.#failure;
    for (const [path, { kind }] of this.nodes) {
      if (kind === "missing") throw new ModelFailure(`${path} links to nothing`);
    }
    return new Map(Array.from(this.nodes, ([path, { inode }]) => [path, inode]));
  }

  #lay(entry: TarEntry, data: Uint8Array): void {
    const inode = inodeOf(entry, data);
    if (entry.path === rootPath) {
      this.nodes.set(rootPath, { inode, kind: "own" });
      return;
    }
    const path = joinPath(this.#parentFor(parentOf(entry.path), entry.mtimeNs), baseOf(entry.path));
    if (entry.type === "hardlink") {
      this.#link(path, entry.linkTarget as RelPath);
    } else if (entry.type === "directory") {
      this.#makeDirectory(path, inode, "own");
    } else {
      this.#remove(path);
      this.nodes.set(path, { inode, kind: "own" });
    }
  }

  #makeDirectory(path: RelPath, inode: ModelInode, kind: "own" | "implied"): void {
    const there = this.nodes.get(path);
    const isDirectory = there?.inode.type === "directory";
    const isReplacement = isDirectory
      ? there.isReplacement === true
      : there !== undefined && there.kind !== "lower" && there.kind !== "implied";
    if (!isDirectory) this.#remove(path);
    const isVisible = !isReplacement && this.#isLowerVisible(parentOf(path));
    this.nodes.set(path, { inode, kind: kind === "implied" && !isVisible ? "own" : kind, isReplacement });
  }

  #isLowerVisible(path: RelPath): boolean {
    for (let at = path; at !== rootPath; at = parentOf(at)) {
      if (this.nodes.get(at)?.isReplacement === true) return false;
    }
    return true;
  }

  #remove(path: RelPath): void {
    for (const other of this.nodes.keys()) {
      if (other === path || other.startsWith(`${path}/`)) this.nodes.delete(other);
    }
  }

  /** Where an entry with this parent goes. */
  #parentFor(parent: RelPath, mtimeNs: bigint): RelPath {
    return this.#walk(parent, (path) => {
      if (this.nodes.get(path)?.inode.type === "directory") return;
      this.#makeDirectory(path, impliedInode(mtimeNs), "implied");
    });
  }

  #walk(start: RelPath, step: (path: RelPath) => void): RelPath {
    const todo = start.split("/").reverse();
    let here = rootPath;
    let jumps = 0;
    const jump = (target: string): void => {
      if (++jumps > maxJumps) throw new ModelFailure(`too many symlinks at ${start}`);
      todo.push(...target.split("/").reverse());
      if (target.startsWith("/")) here = rootPath;
    };
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        here = parentOf(here);
        continue;
      }
      const path = joinPath(here, name);
      const node = this.nodes.get(path);
      // To this layer a copy of a lower file is just a file, whatever it turns out to be.
      if (node?.inode.type === "symlink" && node.kind === "own" && node.copyOf === undefined) {
        jump(node.inode.payload);
        continue;
      }
      if (node?.inode.type === "symlink" && node.kind === "lower") {
        const target = directoryAt(this.#remaining, path);
        if (target !== undefined) {
          jump(`/${target}`);
          continue;
        }
      }
      step(path);
      here = path;
    }
    return here;
  }

  #link(path: RelPath, wanted: RelPath): void {
    const target = joinPath(
      this.#walk(parentOf(wanted), () => undefined),
      baseOf(wanted),
    );
    if (wanted === rootPath || target === path) throw new ModelFailure(`${path} links to itself`);
    const node = this.nodes.get(target);
    if (node?.kind !== "own" || node.copyOf !== undefined) {
      const copy = node?.kind === "missing" ? node : this.#copy(node?.copyOf ?? target);
      this.#remove(path);
      this.nodes.set(path, copy);
      return;
    }
    if (node.inode.type === "directory") throw new ModelFailure(`${path} links to a directory`);
    if (target.startsWith(`${path}/`)) throw new ModelFailure(`${path} links to what it replaces`);
    this.#remove(path);
    this.nodes.set(path, node);
  }

  #copy(target: RelPath): Node {
    const parent = directoryAt(this.#lower, parentOf(target));
    const source = parent === undefined ? undefined : joinPath(parent, baseOf(target));
    const inode = source === undefined ? undefined : this.#lower.get(source);
    if (source === undefined || inode === undefined || inode.type === "directory") {
      return { inode: { ...impliedInode(0n), type: "file" }, kind: "missing" };
    }
    const copy = this.#copies.get(source) ?? { ...inode };
    this.#copies.set(source, copy);
    return { inode: copy, kind: "own", copyOf: source };
  }
}

/** Rule 1: all paths of the lower tree that whiteouts and opaque markers hide. */
function deletionsOf(lower: ModelTree, applied: Application, entries: readonly ModelEntry[]): Set<RelPath> {
  const deleted = new Set<RelPath>();
  const hideBelow = (path: RelPath): void => {
    for (const other of lower.keys()) {
      if (other !== rootPath && (path === rootPath || other.startsWith(`${path}/`))) deleted.add(other);
    }
  };
  for (const { entry } of entries) {
    const meaning = meaningOf(entry.path);
    if (meaning.kind === "opaque") {
      const directory = deletionDirectory(lower, applied, meaning.path);
      if (directory !== undefined) hideBelow(directory);
    } else if (meaning.kind === "whiteout") {
      const parent = deletionDirectory(lower, applied, parentOf(meaning.path));
      if (parent === undefined) continue;
      const victim = joinPath(parent, baseOf(meaning.path));
      if (lower.has(victim)) deleted.add(victim);
      hideBelow(victim);
    }
  }
  return deleted;
}

/** The lower directory that a whiteout's path leads to, unless this layer has something of its own on the way. */
function deletionDirectory(lower: ModelTree, { nodes }: Application, path: RelPath): RelPath | undefined {
  let here = rootPath;
  const ownAt = (at: RelPath): Node | undefined => {
    const node = nodes.get(at);
    return node?.kind === "lower" ? undefined : node;
  };
  const isBlocked = (at: RelPath): boolean => (ownAt(at)?.inode.type ?? "directory") !== "directory";
  if (!lower.has(rootPath)) return undefined;
  for (const name of path === rootPath ? [] : path.split("/")) {
    const next = joinPath(here, name);
    const inode = lower.get(next);
    if (isBlocked(next) || inode === undefined) return undefined;
    if (inode.type === "directory") {
      here = next;
      continue;
    }
    if (inode.type !== "symlink" || ownAt(next)?.kind === "own") return undefined;
    const target = directoryAt(lower, next);
    if (target === undefined) return undefined;
    for (let at = target; at !== rootPath; at = parentOf(at)) if (isBlocked(at)) return undefined;
    here = target;
  }
  return here;
}

/** The directory that a path leads to in a tree, symlinks followed inside the root. */
function directoryAt(tree: ModelTree, path: RelPath): RelPath | undefined {
  const todo = path.split("/").reverse();
  let here = rootPath;
  let jumps = 0;
  if (!tree.has(rootPath)) return undefined;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      here = parentOf(here);
      continue;
    }
    const inode = tree.get(joinPath(here, name));
    if (inode?.type === "directory") {
      here = joinPath(here, name);
    } else if (inode?.type === "symlink" && ++jumps <= maxJumps) {
      todo.push(...inode.payload.split("/").reverse());
      if (inode.payload.startsWith("/")) here = rootPath;
    } else {
      return undefined;
    }
  }
  return here;
}

type Meaning = { readonly kind: "content" | "metadata" } | { readonly kind: "whiteout" | "opaque"; path: RelPath };

function meaningOf(path: RelPath): Meaning {
  const base = baseOf(path);
  if (base === ".wh..wh..opq") return { kind: "opaque", path: parentOf(path) };
  if (path.startsWith(".wh..wh.") || base.startsWith(".wh..wh.")) return { kind: "metadata" };
  if (base.startsWith(".wh.")) return { kind: "whiteout", path: joinPath(parentOf(path), base.slice(4)) };
  return { kind: "content" };
}

function impliedInode(mtimeNs: bigint): ModelInode {
  return { type: "directory", mode: 0o755, uid: 0, gid: 0, mtimeNs, xattrs: new Map(), payload: "" };
}

const droppedXattrs = /^(trusted\.|[^.]*\.overlay\.|security\.selinux$|system\.nfs4_acl$)/;

function inodeOf(entry: TarEntry, data: Uint8Array): ModelInode {
  const { mode, uid, gid, mtimeNs } = entry;
  const xattrs = new Map(
    Array.from(entry.xattrs, ([name, value]) => [name, latin1Of(value)] as const).filter(
      ([name]) => !droppedXattrs.test(name) && canHave(entry, name),
    ),
  );
  const type = entry.type === "hardlink" ? "file" : entry.type;
  return { type, mode: type === "symlink" ? 0 : mode, uid, gid, mtimeNs, xattrs, payload: payloadOf(entry, data) };
}

/** As Linux has it: user.* is for files and directories, other names than those of its four classes for nothing. */
function canHave({ type }: TarEntry, name: string): boolean {
  if (name.startsWith("user.")) return type === "file" || type === "directory";
  return name.startsWith("security.") || name.startsWith("system.posix_acl_");
}

function payloadOf(entry: TarEntry, data: Uint8Array): string {
  if (entry.type === "symlink") return entry.linkTarget;
  if (entry.type === "char-device" || entry.type === "block-device") return `${entry.devMajor}:${entry.devMinor}`;
  if (entry.sparse === undefined) return latin1Of(data);
  const whole = Buffer.alloc(entry.sizeBytes);
  let from = 0;
  for (const { offsetBytes, sizeBytes } of entry.sparse) {
    whole.set(data.subarray(from, from + sizeBytes), offsetBytes);
    from += sizeBytes;
  }
  return latin1Of(whole);
}
