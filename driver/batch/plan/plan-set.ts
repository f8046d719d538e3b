/** A set with every reference resolved: what its images are, before any layer is fetched. */
import { asStorageError, StorageError } from "../../base/errors.ts";
import { parseReference } from "../../oci/reference.ts";
import type { ImageSet, SetImage, SetRepository } from "../image-set.ts";
import { inParallel } from "./in-parallel.ts";
import { keyOf, namesOf, type PlanFailure, type PlannedImage } from "./planned-image.ts";
import { type KnownManifests, readImage } from "./read-image.ts";
import type { SetClient } from "./set-client.ts";

export interface PlanOptions {
  readonly client: SetClient;
  readonly known: KnownManifests;
  /** For archives that must be unpacked to be read; made if missing. */
  readonly spoolDir: string;
  /** For images of which the set says none. */
  readonly platform?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How many of how many references have been looked up. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface SetPlan {
  readonly set: string;
  /** In the set's order. */
  readonly images: readonly PlannedImage[];
  readonly failures: readonly PlanFailure[];
}

/** A registry answers as many HEADs at once as its host's limits allow; the rest waits here. */
const lookUpsAtOnce = 16;

/** What one image lacks is a failure of that image only. @throws the signal's reason. */
export async function planSet(set: ImageSet, options: PlanOptions): Promise<SetPlan> {
  const { signal, onProgress } = options;
  const failures: PlanFailure[] = [];
  const failed = ({ source, platform }: Pick<SetImage, "source" | "platform">, error: unknown): void => {
    signal?.throwIfAborted();
    const { code, message } = asStorageError(error);
    failures.push({ source, platform, error: { code, message } });
  };

  const wanted = new Map<string, SetImage>();
  const want = (image: SetImage): void => {
    const platform = image.platform ?? options.platform ?? null;
    const key = keyOf({ source: image.source, platform });
    if (!wanted.has(key)) wanted.set(key, { ...image, platform });
  };
  set.images.forEach(want);
  const found = await inParallel(set.repositories, lookUpsAtOnce, async (repository) => {
    try {
      return await imagesOf(repository, options);
    } catch (error) {
      failed({ source: repository.repository, platform: repository.platform }, error);
      return [];
    }
  });
  found.flat().forEach(want);

  let done = 0;
  const images = await inParallel(wanted.values(), lookUpsAtOnce, async (image) => {
    signal?.throwIfAborted();
    try {
      return await readImage(image, options);
    } catch (error) {
      failed(image, error);
      return undefined;
    } finally {
      onProgress?.(++done, wanted.size);
    }
  });
  const planned = images.filter((image) => image !== undefined);
  return { set: set.name, images: withoutRivals(planned, failed), failures };
}

async function imagesOf(
  { repository, include, exclude, platform }: SetRepository,
  { client, signal }: PlanOptions,
): Promise<readonly SetImage[]> {
  const { domain, path } = parseReference(repository);
  const tags = await client.tags(parseReference(repository), { signal });
  const wanted = tags.filter(
    (tag) =>
      (include.length === 0 || include.some((pattern) => pattern.test(tag))) &&
      !exclude.some((pattern) => pattern.test(tag)),
  );
  return wanted.map((tag) => ({ source: `${domain}/${path}:${tag}`, tags: [], platform }));
}

/** A name means one image: of several that want it the first in the set has it. */
function withoutRivals(
  images: readonly PlannedImage[],
  failed: (image: PlannedImage, error: unknown) => void,
): readonly PlannedImage[] {
  const owners = new Map<string, PlannedImage>();
  return images.filter((image) => {
    const isOne = image.contents.length === 1;
    if (image.tags.length > 0 && !isOne) {
      const reason = `${image.contents.length} images are in it, and only one can have a tag`;
      failed(image, new StorageError("ERR_INVALID_ARGUMENT", `cannot tag ${image.source}: ${reason}`));
      return false;
    }
    const ids = image.contents.map(({ id }) => id).join();
    for (const name of namesOf(image)) {
      const owner = owners.get(name);
      if (owner === undefined || owner.contents.map(({ id }) => id).join() === ids) continue;
      const reason = `${keyOf(owner)} of this set has the name ${name}`;
      failed(image, new StorageError("ERR_ALREADY_EXISTS", `cannot import ${keyOf(image)}: ${reason}`));
      return false;
    }
    for (const name of namesOf(image)) owners.set(name, image);
    return true;
  });
}
