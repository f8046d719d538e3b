/** The members of a tar archive as files. Member names and link targets are keys of a map; none becomes a host path. */
import { posix } from "node:path";
import { StorageError } from "../../base/errors.ts";
import type { FileSlice } from "./image-source.ts";
import { type NamedFiles, shown } from "./named-files.ts";

/** What a name stands for: bytes, or another name. */
export type Member = FileSlice | { readonly linkTo: string };

/** Most members of an archive; three or four belong to each layer. */
export const maxMembers = 200_000;
const maxHops = 16;

export class ArchiveFiles implements NamedFiles {
  readonly what: string;
  readonly #members = new Map<string, Member>();

  constructor(what: string) {
    this.what = what;
  }

  /** @param linkName as it stands in the archive: relative to the member for a symlink, to the root for a hard link. */
  add(name: string, type: "file" | "symlink" | "hardlink", content: FileSlice | undefined, linkName: string): void {
    const key = cleanName(name);
    if (key === undefined) return;
    if (this.#members.size >= maxMembers) {
      throw new StorageError(
        "ERR_RESOURCE_EXHAUSTED",
        `cannot read ${this.what}: it has more than ${maxMembers} members`,
      );
    }
    if (content !== undefined) {
      this.#members.set(key, content);
      return;
    }
    const linkTo = type === "symlink" ? cleanName(joinLink(key, linkName)) : cleanName(linkName);
    if (linkTo === undefined) this.#members.delete(key);
    else this.#members.set(key, { linkTo });
  }

  /** Links are followed inside the archive: old `docker save` stores a layer of two images once. */
  find(name: string): Promise<FileSlice | undefined> {
    let key = cleanName(name);
    for (let hops = 0; key !== undefined && hops < maxHops; hops++) {
      const member = this.#members.get(key);
      if (member === undefined) return Promise.resolve(undefined);
      if (!("linkTo" in member)) return Promise.resolve(member);
      key = member.linkTo;
    }
    return Promise.resolve(undefined);
  }

  /** A few names, for messages about what is missing. */
  sample(): string {
    const names = Array.from(this.#members.keys()).slice(0, 4).map(shown);
    return names.length === 0 ? "nothing" : names.join(", ") + (this.#members.size > 4 ? ", …" : "");
  }
}

function joinLink(from: string, target: string): string {
  return target.startsWith("/") ? target : `${posix.dirname(from)}/${target}`;
}

/** Relative, without "." and ".."; undefined for what leads out of the archive or nowhere. */
function cleanName(name: string): string | undefined {
  const path = posix.normalize(name).replace(/\/$/, "");
  const isInside = path !== "" && path !== "." && path !== ".." && !path.startsWith("../") && !path.startsWith("/");
  return isInside ? path : undefined;
}
