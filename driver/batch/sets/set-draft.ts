/** A set while its files are read: everything once, in the order in which it was met. */
import { StorageError } from "../../base/errors.ts";
import { parsePlatform, formatPlatform } from "../../oci/platform.ts";
import { parseReference, tryParseReference } from "../../oci/reference.ts";
import type { ImageSet, SetImage, SetRegistry, SetRepository } from "../image-set.ts";
import { sourceOf } from "./source.ts";

/** Most images, and most repositories, of one set. */
const maxEntries = 100_000;

interface ImageDraft {
  readonly source: string;
  readonly tags: Set<string>;
  readonly platform: string | null;
}

export interface ImageWish {
  readonly source: string;
  readonly tags?: readonly string[] | undefined;
  readonly digest?: string | undefined;
  readonly platform?: string | undefined;
}

export class SetDraft {
  readonly #images = new Map<string, ImageDraft>();
  readonly #repositories: SetRepository[] = [];
  readonly #registries = new Map<string, SetRegistry>();
  readonly #warnings = new Set<string>();

  /**
   * @param folder that relative paths start from.
   * @throws {StorageError} ERR_INVALID_ARGUMENT; ERR_RESOURCE_EXHAUSTED.
   */
  addImage({ source, tags = [], digest, platform }: ImageWish, folder: string): void {
    const found = sourceOf(source, digest, folder);
    const wanted = platform === undefined ? null : formatPlatform(parsePlatform(platform));
    const key = `${tryParseReference(found)?.canonical ?? found} ${wanted ?? ""}`;
    const draft = this.#images.get(key) ?? { source: found, tags: new Set(), platform: wanted };
    for (const tag of tags) {
      parseReference(tag);
      draft.tags.add(tag);
    }
    this.#images.set(key, draft);
    this.#requireBounded(this.#images.size);
  }

  /** @throws {StorageError} ERR_INVALID_ARGUMENT for a name with a tag or a digest; ERR_RESOURCE_EXHAUSTED. */
  addRepository(wish: Omit<SetRepository, "platform"> & { readonly platform?: string | undefined }): void {
    const { domain, path, familiar, digest } = parseReference(wish.repository);
    if (digest !== undefined || familiar !== parseReference(`${domain}/${path}`).familiar) {
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot use repository ${familiar}: it has a tag or a digest`);
    }
    const platform = wish.platform === undefined ? null : formatPlatform(parsePlatform(wish.platform));
    this.#repositories.push({ ...wish, repository: `${domain}/${path}`, platform });
    this.#requireBounded(this.#repositories.length);
  }

  /** What a later file says about a host is added to what an earlier one did, and goes before it. */
  addRegistry(registry: SetRegistry): void {
    const host = registry.host === "index.docker.io" ? "docker.io" : registry.host;
    const said = Object.fromEntries(Object.entries(registry).filter(([, value]) => value !== undefined));
    this.#registries.set(host, { ...this.#registries.get(host), ...said, host });
  }

  warn(warning: string): void {
    this.#warnings.add(warning);
  }

  build(name: string): ImageSet {
    return {
      name,
      images: [...this.#images.values()].map((draft): SetImage => ({
        source: draft.source,
        tags: [...draft.tags],
        platform: draft.platform,
      })),
      repositories: this.#repositories,
      registries: [...this.#registries.values()],
      warnings: [...this.#warnings],
    };
  }

  #requireBounded(count: number): void {
    if (count <= maxEntries) return;
    throw new StorageError("ERR_RESOURCE_EXHAUSTED", `cannot use set: it has more than ${maxEntries} entries`);
  }
}
