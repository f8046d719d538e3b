/** What the library offers of fleets; loaded when it is called. */
import type { BatchReport } from "../batch-report.ts";
import type { ImageSet } from "../image-set.ts";
import type { ImportByQueueOptions } from "./import-by-queue.ts";
import type { FleetWorkOptions } from "./work-on-queue.ts";

export type { FleetWorkOptions, ImportByQueueOptions };

/** See import-by-queue.ts. */
export async function importByQueue(set: ImageSet, options: ImportByQueueOptions): Promise<BatchReport> {
  return (await import("./import-by-queue.ts")).importByQueue(set, options);
}

/** See work-on-queue.ts. */
export async function workOnQueue(options: FleetWorkOptions): Promise<void> {
  return (await import("./work-on-queue.ts")).workOnQueue(options);
}
