import { applyDiff } from "./apply.ts";
import { compareMounts } from "./compare.ts";
import type { Differ, DifferContext, ForeignBlobs } from "./differ.ts";

/** Holds nothing of its own: it works as long as the store and `blobs` do. */
export function openDiffer(context: DifferContext, blobs: ForeignBlobs): Differ {
  return {
    apply: (request, call) => applyDiff(context, blobs, request, call),
    compare: (request, call) => compareMounts(context, blobs, request, call),
  };
}
