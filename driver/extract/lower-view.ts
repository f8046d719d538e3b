/** What stacked layers show together, found out without mounting them. */
import { baseOf, joinPath, latin1Of, parentOf, rootPath, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_ISCHR, S_ISDIR, S_ISLNK } from "../sys/constants.ts";
import { AT_FDCWD, closeFd, getxattrat, openat, readdir, readlinkat, tryFstatat, type Stat } from "../sys/linux.ts";
import { syscallPath, withDirectory } from "./beneath.ts";
import { openDirectory } from "./edit-directory.ts";
import type { LowerLayer } from "./staged-layer.ts";

/** What is at a path: the topmost layer's, or of a directory that layer's attributes. */
export interface LowerNode {
  /** Without symlinks. */
  readonly path: RelPath;
  readonly stat: Stat;
  /** Index of the layer it is in, 0 the topmost. */
  readonly layer: number;
}

/** Paths that shall not show, on top of all layers. */
export interface Hidden {
  /** These and all below. */
  readonly gone: ReadonlySet<RelPath>;
  /** What is in these directories. */
  readonly hollow: ReadonlySet<RelPath>;
}

interface OpenLayer {
  readonly fd: number;
  readonly whiteouts: ReadonlySet<RelPath>;
  readonly opaques: ReadonlySet<RelPath>;
}

const maxJumps = 40;
const maxKnownDirectories = 100_000;
const nothingHidden: Hidden = { gone: new Set(), hollow: new Set() };
const bothOverlayXattrs = ["trusted.overlay.", "user.overlay."] as const;

/**
 * The merged view of layers that nobody changes, topmost first, as overlay would show it: a whiteout ends the look-up, an
 * opaque directory hides those below, what is no directory hides all below. None of its paths follows a symlink but
 * where a method says so. Holds one descriptor a layer; dispose it.
 */
export class LowerView implements Disposable {
  readonly #layers: readonly OpenLayer[];
  readonly #overlayXattrs: readonly string[];
  readonly #hidden: Hidden;
  readonly #isOwner: boolean;
  /** Indices of the layers that make up a directory; undefined where there is none. */
  readonly #directories = new Map<RelPath, readonly number[] | undefined>();

  /**
   * `overlayXattr` is the prefix of the marks that count; both, by default.
   * @throws an error of node:fs's shape when a layer's directory cannot be opened.
   */
  constructor(layers: readonly LowerLayer[], options: { readonly overlayXattr?: string; readonly over?: Over } = {}) {
    this.#overlayXattrs = options.overlayXattr === undefined ? bothOverlayXattrs : [options.overlayXattr];
    this.#hidden = options.over?.hidden ?? nothingHidden;
    this.#isOwner = options.over === undefined;
    if (options.over === undefined) {
      this.#layers = openLayers(layers);
    } else {
      this.#layers = options.over.view.#layers;
      this.#overlayXattrs = options.over.view.#overlayXattrs;
    }
  }

  /** The same layers with something hidden. Valid as long as this view is. */
  without(hidden: Hidden): LowerView {
    return new LowerView([], { over: { view: this, hidden } });
  }

  /** What is at exactly this path; undefined also where an ancestor is no directory. */
  lookup(path: RelPath): LowerNode | undefined {
    if (path === rootPath) {
      const stat = this.#layers[0] === undefined ? undefined : tryFstatat(this.#layers[0].fd, ".");
      return stat === undefined ? undefined : { path, stat, layer: 0 };
    }
    const parents = this.#layersOf(parentOf(path));
    return parents === undefined ? undefined : this.#find(parents, path)?.node;
  }

  isDirectory(path: RelPath): boolean {
    const node = this.lookup(path);
    return node !== undefined && S_ISDIR(node.stat.mode);
  }

  /**
   * What a path leads to, with the symlinks of its parents followed inside the root; the last component is not.
   * Undefined where nothing is, also for a loop.
   */
  resolve(path: RelPath): LowerNode | undefined {
    if (path === rootPath) return this.lookup(rootPath);
    const parent = this.resolveDirectory(parentOf(path));
    return parent === undefined ? undefined : this.lookup(joinPath(parent, baseOf(path)));
  }

  /** The directory that a path leads to when all symlinks are followed inside the root. */
  resolveDirectory(path: RelPath): RelPath | undefined {
    const todo = path.split("/").reverse();
    let here = rootPath;
    let jumps = 0;
    if (this.lookup(rootPath) === undefined) return undefined;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        here = parentOf(here);
        continue;
      }
      const node = this.lookup(joinPath(here, name));
      if (node === undefined) return undefined;
      if (S_ISDIR(node.stat.mode)) {
        here = node.path;
      } else if (S_ISLNK(node.stat.mode) && ++jumps <= maxJumps) {
        const target = this.readLink(node);
        todo.push(...target.split("/").reverse());
        if (target.startsWith("/")) here = rootPath;
      } else {
        return undefined;
      }
    }
    return here;
  }

  /** A symlink's target, latin1. */
  readLink(node: LowerNode): string {
    return this.withParent(node, (fd, name) => latin1Of(readlinkat(fd, syscallPath(name))));
  }

  /** Names in a directory, in byte order; none where there is no directory. */
  list(path: RelPath): string[] {
    const names = new Set<string>();
    for (const index of this.#layersOf(path) ?? []) {
      const fd = openDirectory(this.#at(index).fd, path);
      try {
        for (const { name } of readdir(fd)) names.add(name);
      } finally {
        closeFd(fd);
      }
    }
    return [...names].filter((name) => this.lookup(joinPath(path, name)) !== undefined).sort();
  }

  /** Runs `use` on the directory (O_PATH) and name of a node in its layer. */
  withParent<T>(node: LowerNode, use: (dirfd: number, name: string) => T): T {
    return withDirectory(this.#at(node.layer).fd, parentOf(node.path), (fd) => use(fd, baseOf(node.path)));
  }

  /** Opens a directory node for reading its attributes; the caller closes it. */
  openDirectoryOf(node: LowerNode): number {
    return openDirectory(this.#at(node.layer).fd, node.path);
  }

  [Symbol.dispose](): void {
    if (this.#isOwner) for (const { fd } of this.#layers) closeFd(fd);
  }

  #at(index: number): OpenLayer {
    const layer = this.#layers[index];
    if (layer === undefined) throw new RangeError(`no layer ${index}`);
    return layer;
  }

  #layersOf(path: RelPath): readonly number[] | undefined {
    if (path === rootPath) return this.#layers.length === 0 ? undefined : this.#layers.map((_, index) => index);
    if (this.#directories.has(path)) return this.#directories.get(path);
    const parents = this.#layersOf(parentOf(path));
    const found = parents === undefined ? undefined : this.#find(parents, path)?.layers;
    if (this.#directories.size >= maxKnownDirectories) this.#directories.clear();
    this.#directories.set(path, found);
    return found;
  }

  /** `layers` is undefined unless it is a directory. */
  #find(parents: readonly number[], path: RelPath): { node: LowerNode; layers: number[] | undefined } | undefined {
    if (this.#hidden.gone.has(path) || this.#hidden.hollow.has(parentOf(path))) return undefined;
    const at = syscallPath(path);
    let node: LowerNode | undefined;
    const layers: number[] = [];
    for (const index of parents) {
      const { fd, whiteouts } = this.#at(index);
      if (whiteouts.has(path)) break;
      const stat = tryFstatat(fd, at);
      if (stat === undefined) continue;
      if (S_ISCHR(stat.mode) && stat.rdevMajor === 0 && stat.rdevMinor === 0) break;
      if (!S_ISDIR(stat.mode)) {
        if (node === undefined) return { node: { path, stat, layer: index }, layers: undefined };
        break;
      }
      node ??= { path, stat, layer: index };
      layers.push(index);
      if (index !== parents.at(-1) && this.#isOpaque(index, path)) break;
    }
    return node === undefined ? undefined : { node, layers };
  }

  #isOpaque(index: number, path: RelPath): boolean {
    const { fd, opaques } = this.#at(index);
    if (opaques.has(path)) return true;
    return withDirectory(fd, path, (directory) =>
      this.#overlayXattrs.some((prefix) => getxattrat(directory, ".", `${prefix}opaque`)?.toString("latin1") === "y"),
    );
  }
}

interface Over {
  readonly view: LowerView;
  readonly hidden: Hidden;
}

function openLayers(layers: readonly LowerLayer[]): OpenLayer[] {
  const opened: OpenLayer[] = [];
  try {
    for (const { dir, whiteouts, opaques } of layers) {
      const fd = openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      opened.push({ fd, whiteouts: new Set(whiteouts), opaques: new Set(opaques) });
    }
    return opened;
  } catch (error) {
    for (const { fd } of opened) closeFd(fd);
    throw error;
  }
}
