/** What a store has of a set, by the door: names, images, layers; and blobs, which lie in it as in any OCI layout. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "../../base/errors.ts";
import { isDigest } from "../../base/digest.ts";
import type { Storage } from "../../storage-types.ts";
import { layersOf, type PlannedImage } from "../plan/planned-image.ts";

export class StoreSurvey {
  readonly #storage: Storage;
  readonly #idByName = new Map<string, { readonly id: string; readonly manifestDigest: string }>();
  readonly #ids = new Set<string>();

  private constructor(storage: Storage) {
    this.#storage = storage;
  }

  static async of(storage: Storage): Promise<StoreSurvey> {
    const survey = new StoreSurvey(storage);
    for (const { names, id, manifestDigest, damage } of await storage.images.list()) {
      if (damage !== undefined) continue;
      survey.#ids.add(id);
      for (const name of names) survey.#idByName.set(name, { id, manifestDigest });
    }
    return survey;
  }

  /** With all its names, blobs and layers. */
  async isPresent(image: PlannedImage): Promise<boolean> {
    const [only] = image.contents;
    const isHere = image.contents.every(({ digest, id, names }) => {
      if (!this.#ids.has(id)) return false;
      return names.every((name) => {
        const found = this.#idByName.get(name);
        return found?.id === id && (image.kind === "file" || found.manifestDigest === digest);
      });
    });
    if (!isHere || image.tags.some((tag) => this.#idByName.get(tag)?.id !== only?.id)) return false;
    for (const { digest, chainId, sizeBytes, diffId } of layersOf(image)) {
      if (digest !== diffId && !(await this.hasBlob(digest, sizeBytes))) return false;
      if (!(await this.hasLayer(chainId))) return false;
    }
    return true;
  }

  /** Looks for the file: of a fetch that was broken off the blobs are here, too. */
  async hasBlob(digest: string, sizeBytes: number): Promise<boolean> {
    if (!isDigest(digest)) return false;
    const found = await stat(blobPath(this.#storage, digest)).catch(() => undefined);
    return found?.size === sizeBytes;
  }

  async hasLayer(chainId: string): Promise<boolean> {
    try {
      return (await this.#storage.snapshots.stat(chainId)).kind === "committed";
    } catch (error) {
      if (hasCode(error, "ERR_NOT_FOUND")) return false;
      throw error;
    }
  }

  /** Of the images that are all here. */
  async present(images: readonly PlannedImage[]): Promise<ReadonlySet<PlannedImage>> {
    const present = new Set<PlannedImage>();
    for (const image of images) if (await this.isPresent(image)) present.add(image);
    return present;
  }
}

/** A store is an OCI layout (image-spec image-layout.md). */
export function blobPath({ root }: Pick<Storage, "root">, digest: string): string {
  return join(root, "blobs", ...digest.split(":"));
}
