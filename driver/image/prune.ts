import type { Digest } from "../base/digest.ts";
import type { OpenImage } from "./image-store.ts";
import type { RemovedImage } from "./image-types.ts";
import { publishIndex } from "./load.ts";
import { sweep, type SweepContext } from "./remove.ts";

/** What of an image conditions may look at. */
export interface PrunableImage {
  /** RFC 3339, from the config; null if it has none. */
  readonly created: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PruneOptions {
  /** Named images too, not only those that have lost their last name. */
  readonly all?: boolean | undefined;
  /** Spares the others, and with them those that cannot be read. */
  readonly isWanted?: ((image: PrunableImage) => boolean) | undefined;
}

/** Removes the images that no container uses, and what only they had. */
export async function pruneImages(
  context: SweepContext,
  { all = false, isWanted }: PruneOptions,
  containersOf: (manifest: Digest) => readonly string[],
): Promise<RemovedImage> {
  const known =
    isWanted === undefined ? context.images.all() : (await context.images.openAll()).readable.filter(wanted);
  const idle = known.filter(
    ({ names, descriptor }) => (all || names.length === 0) && containersOf(descriptor.digest).length === 0,
  );
  for (const image of idle) context.images.forget(image, "all");
  const swept = await sweep(context);
  await publishIndex(context);
  return { untagged: idle.flatMap(({ names }) => names), ...swept };

  function wanted({ config }: OpenImage): boolean {
    return isWanted?.({ created: config.created ?? null, labels: config.config?.Labels ?? {} }) ?? true;
  }
}
