/** What a batch did: the one document that all forms of the report are made from. Sizes in bytes, times in ms. */

export interface BatchReport {
  /** Of this shape; goes up when a field changes its meaning. */
  readonly version: 1;
  readonly set: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly elapsedMs: number;
  /** How often the work was begun: 1, and one more for every death or interruption. */
  readonly runs: number;
  readonly images: readonly ImageReport[];
  readonly layers: readonly LayerReport[];
  readonly totals: BatchTotals;
}

export interface ImageReport {
  /** As the set has it, repositories resolved to references. */
  readonly source: string;
  readonly status: "imported" | "present" | "failed" | "pending";
  /** Of the manifest; null where it never came to that. */
  readonly digest: string | null;
  readonly names: readonly string[];
  readonly layerCount: number;
  /** Of its layers, as they are stored; 0 where it never came to that. */
  readonly sizeBytes: number;
  /** Come for it: a layer's bytes count for the first image that has it, and for the others as reused. */
  readonly fetchedBytes: number;
  /** From the start of the batch. */
  readonly startedMs: number | null;
  readonly elapsedMs: number | null;
  /** Of a failed one. `code` is that of StorageError. */
  readonly error: { readonly code: string; readonly message: string } | null;
  /** Who did it, in a fleet. */
  readonly worker: string | null;
}

export interface LayerReport {
  /** Of the stored blob. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Of how many images of the set. */
  readonly imageCount: number;
  /** Come over the network, or out of the source's file; 0 for what was here. */
  readonly fetchedBytes: number;
  readonly status: "done" | "reused" | "failed" | "pending";
  readonly startedMs: number | null;
  readonly elapsedMs: number | null;
  readonly worker: string | null;
}

export interface BatchTotals {
  readonly imported: number;
  readonly present: number;
  readonly failed: number;
  readonly pending: number;
  readonly uniqueLayers: number;
  /** Of all layers, each counted once for every image that has it. */
  readonly logicalBytes: number;
  readonly uniqueBytes: number;
  readonly fetchedBytes: number;
}
