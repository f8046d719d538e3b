/** What an import says while it is under way. Times are ms from its beginning. */
import type { LoadOptions } from "../../storage-types.ts";
import type { ImageReport } from "../batch-report.ts";

export type LayerProgress = Parameters<NonNullable<LoadOptions["onProgress"]>>[0];

export interface ImageEvent {
  readonly type: "image";
  /** As in the report; "started" is not the end of it. */
  readonly status: "started" | Exclude<ImageReport["status"], "pending">;
  readonly source: string;
  readonly platform: string | null;
  readonly digest: string | null;
  readonly error: ImageReport["error"];
  /** Stored bytes of layers that were fetched for it. */
  readonly fetchedBytes: number;
  readonly elapsedMs: number;
  /** What could not be kept, for people. */
  readonly warnings: readonly string[];
}

/** As pulls and loads say it. */
export interface LayerEvent extends LayerProgress {
  readonly type: "layer";
}

export type ImportEvent = ImageEvent | LayerEvent;
