import type { Digest } from "../base/digest.ts";
import type { RemovedImage } from "./image-types.ts";
import { publishIndex } from "./load.ts";
import { sweep, type SweepContext } from "./remove.ts";

export interface PruneOptions {
  /** Named images too, not only those that have lost their last name. */
  readonly all?: boolean | undefined;
}

/** Removes the images that no container uses, and what only they had. */
export async function pruneImages(
  context: SweepContext,
  { all = false }: PruneOptions,
  containersOf: (manifest: Digest) => readonly string[],
): Promise<RemovedImage> {
  const idle = context.images
    .all()
    .filter(({ names, descriptor }) => (all || names.length === 0) && containersOf(descriptor.digest).length === 0);
  for (const image of idle) context.images.forget(image, "all");
  const swept = await sweep(context);
  await publishIndex(context);
  return { untagged: idle.flatMap(({ names }) => names), ...swept };
}
