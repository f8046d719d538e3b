/** What shows progress, and where. */
import type { LayerProgress } from "../index.ts";

export type ProgressMode = "tty" | "plain" | "json" | "none";

export interface ProgressView {
  update(progress: LayerProgress): void;
  /** Leaves the screen as it is to stay. */
  end(): void;
}

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}
