/** A line for each image, then for each layer, then one with the rest: each says its `type`. */
import type { BatchReport } from "../batch-report.ts";

export function ndjsonReport({ images, layers, ...batch }: BatchReport): string {
  const lines = [
    ...images.map((image) => ({ type: "image", ...image })),
    ...layers.map((layer) => ({ type: "layer", ...layer })),
    { type: "batch", ...batch },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
