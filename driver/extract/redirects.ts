/** Directories that only look like ones to a layer on its own: symlinks of the lower layers, known from settling. */
import type { RelPath } from "../base/path-bytes.ts";
import type { Redirect } from "./staged-layer.ts";

export class Redirects {
  readonly #byPath = new Map<RelPath, Redirect[]>();

  constructor(redirects: readonly Redirect[]) {
    for (const redirect of redirects) {
      const same = this.#byPath.get(redirect.from);
      if (same === undefined) {
        this.#byPath.set(redirect.from, [redirect]);
      } else {
        same.push(redirect);
      }
    }
  }

  /** Where entry number `entry` goes instead of into the directory `path`. */
  find(path: RelPath, entry: number): RelPath | undefined {
    if (this.#byPath.size === 0) return undefined;
    return this.#byPath.get(path)?.find(({ untilEntry }) => untilEntry === null || entry < untilEntry)?.to;
  }

  has(path: RelPath): boolean {
    return this.#byPath.size > 0 && this.#byPath.has(path);
  }
}
