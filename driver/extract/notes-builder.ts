/** What an extraction notes for settling, kept right while entries replace each other. */
import { StorageError } from "../base/errors.ts";
import { parentOf, rootPath, type RelPath } from "../base/path-bytes.ts";
import type { ImpliedDirectory, LayerNotes, LowerLink } from "./staged-layer.ts";

/** A tar of a few bytes an entry could otherwise imply a thousand directories with each of them. */
const maxImplied = 1_000_000;

/** All paths of notes together. They are kept until the layer is settled, may have 4095 bytes each, and pack well. */
const maxPathBytes = 128 * 1024 * 1024;

export class NotesBuilder {
  readonly #whiteouts = new Set<RelPath>();
  readonly #opaques = new Set<RelPath>();
  readonly #replaced = new Set<RelPath>();
  readonly #implied: ImpliedDirectory[] = [];
  /** Index in #implied of the last record of a path that no entry has ended yet. */
  readonly #open = new Map<RelPath, number>();
  readonly #lowerLinks = new Map<RelPath, RelPath>();
  #pathBytes = 0;
  #failure: string | undefined;

  addWhiteout(path: RelPath): void {
    this.#spend(path);
    this.#whiteouts.add(path);
  }

  addOpaque(path: RelPath): void {
    this.#spend(path);
    this.#opaques.add(path);
  }

  /** A directory takes the place of another entry of this layer. */
  addReplaced(path: RelPath): void {
    this.#spend(path);
    this.#replaced.add(path);
    this.#lowerLinks.delete(path);
  }

  /** Something that is no directory is laid at `path`. */
  addLeaf(path: RelPath): void {
    if (this.#replaced.size > 0) this.#replaced.delete(path);
    if (this.#lowerLinks.size > 0) this.#lowerLinks.delete(path);
    this.endImplied(path);
  }

  addImplied(path: RelPath): void {
    if (!this.isLowerVisible(path)) return;
    this.#open.set(path, this.#implied.length);
    this.#push({ path, lasts: true });
  }

  /** A link's target was looked for through a directory that this layer does not have. */
  addLookedThrough(path: RelPath): void {
    this.#push({ path, lasts: false });
  }

  #push(record: ImpliedDirectory): void {
    if (this.#implied.length >= maxImplied) {
      throw new StorageError(
        "ERR_RESOURCE_EXHAUSTED",
        `cannot extract layer: it implies more than ${maxImplied} directories`,
      );
    }
    this.#spend(record.path);
    this.#implied.push(record);
  }

  #spend(path: RelPath): void {
    this.#pathBytes += path.length;
    if (this.#pathBytes <= maxPathBytes) return;
    throw new StorageError(
      "ERR_RESOURCE_EXHAUSTED",
      `cannot extract layer: the paths that it implies, deletes and links to take more than ${maxPathBytes} bytes`,
    );
  }

  /** `path` has an entry of its own now. */
  endImplied(path: RelPath): void {
    const index = this.#open.get(path);
    if (index === undefined) return;
    this.#open.delete(path);
    this.#implied[index] = { path, lasts: false };
  }

  /** True for a directory that lower layers may have, too, or have something else in place of. */
  isImplied(path: RelPath): boolean {
    return this.#open.has(path) && this.isLowerVisible(path);
  }

  /** False below and at a directory that replaced an entry of this layer. */
  isLowerVisible(path: RelPath): boolean {
    if (this.#replaced.size === 0) return true;
    for (let at = path; at !== rootPath; at = parentOf(at)) {
      if (this.#replaced.has(at)) return false;
    }
    return true;
  }

  addLowerLink(path: RelPath, target: RelPath): void {
    this.#spend(path);
    this.#spend(target);
    this.#lowerLinks.set(path, target);
  }

  lowerTargetOf(path: RelPath): RelPath | undefined {
    return this.#lowerLinks.get(path);
  }

  hasLowerLinks(): boolean {
    return this.#lowerLinks.size > 0;
  }

  /** The first one counts. */
  fail(reason: string): void {
    this.#failure ??= reason;
  }

  /** `keepLink` tells whether a link's place in the tree still is its own. */
  finish(keepLink: (link: LowerLink) => boolean): LayerNotes {
    const links = Array.from(this.#lowerLinks, ([path, target]) => ({ path, target })).filter(keepLink);
    return {
      whiteouts: [...this.#whiteouts],
      opaques: [...this.#opaques],
      replaced: [...this.#replaced],
      implied: this.#implied,
      lowerLinks: links,
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    };
  }
}
