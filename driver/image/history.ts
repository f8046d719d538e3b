import type { HistoryEntry } from "../oci/image-config.ts";
import type { HistoryRow, ImageDetails } from "./image-types.ts";

/**
 * One row an instruction, newest first, each with the layer it made. Layers that the history does not speak of, which is
 * optional (image-spec config.md), get a row each on top.
 */
export function historyOf(image: ImageDetails): readonly HistoryRow[] {
  const written = image.config.history ?? [];
  const silent = image.layers.slice(written.filter((entry) => entry.empty_layer !== true).length);
  const entries: readonly HistoryEntry[] = [...written, ...silent.map(() => ({}))];
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
