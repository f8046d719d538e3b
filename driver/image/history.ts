import type { Digest } from "../base/digest.ts";
import type { HistoryEntry, ImageConfig } from "../oci/image-config.ts";
import type { HistoryRow, ImageDetails } from "./image-types.ts";

/** The part of an image that tells whether others were made from it. */
export interface Ancestor {
  readonly id: Digest;
  readonly config: ImageConfig;
}

/**
 * One row an instruction, newest first, each with the layer it made. Layers that the history does not speak of, which is
 * optional (image-spec config.md), get a row each on top. A row at which one of the `stored` images ends has its ID.
 */
export function historyOf(image: ImageDetails, stored: readonly Ancestor[] = []): readonly HistoryRow[] {
  const written = image.config.history ?? [];
  const silent = image.layers.slice(written.filter((entry) => entry.empty_layer !== true).length);
  const entries: readonly HistoryEntry[] = [...written, ...silent.map(() => ({}))];
  let next = 0;
  const idAt = (at: number): Digest | null =>
    at === entries.length - 1 ? image.id : (stored.find((other) => endsAt(other, image, at, next))?.id ?? null);
  const rows = entries.map((entry, at): HistoryRow => {
    const layer = entry.empty_layer === true ? null : (image.layers[next++] ?? null);
    return {
      id: idAt(at),
      created: entry.created ?? null,
      createdBy: entry.created_by ?? "",
      comment: entry.comment ?? "",
      sizeBytes: layer?.unpackedBytes ?? 0,
      layer,
    };
  });
  return rows.reverse();
}

/** Whether `other` is what `image` was after its history's entry `at`, which made the last of so many layers. */
function endsAt({ config }: Ancestor, image: ImageDetails, at: number, layers: number): boolean {
  const { history = [], rootfs } = config;
  return (
    history.length === at + 1 &&
    rootfs.diff_ids.length === layers &&
    rootfs.diff_ids.every((diffId, index) => diffId === image.layers[index]?.diffId) &&
    history.every((entry, index) => isSameEntry(entry, image.config.history?.[index]))
  );
}

const entryFields = ["created", "created_by", "author", "comment", "empty_layer"] as const;

function isSameEntry(a: HistoryEntry, b: HistoryEntry | undefined): boolean {
  return b !== undefined && entryFields.every((field) => a[field] === b[field]);
}
