import type { HistoryEntry } from "../oci/image-config.ts";
import type { HistoryRow, ImageDetails } from "./image-types.ts";

/**
 * One row an instruction, newest first, each with the layer it made. An image without a history gets a row a layer
 * (image-spec config.md: history is optional).
 */
export function historyOf(image: ImageDetails): readonly HistoryRow[] {
  const entries: readonly HistoryEntry[] = image.config.history ?? image.layers.map(() => ({}));
  let next = 0;
  const rows = entries.map((entry, at): HistoryRow => {
    const layer = entry.empty_layer === true ? null : (image.layers[next++] ?? null);
    return {
      id: at === entries.length - 1 ? image.id : null,
      created: entry.created ?? null,
      createdBy: entry.created_by ?? "",
      comment: entry.comment ?? "",
      sizeBytes: layer?.unpackedBytes ?? 0,
      layer,
    };
  });
  return rows.reverse();
}
