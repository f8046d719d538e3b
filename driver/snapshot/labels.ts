/** Labels: a string map that clients may change after the fact; an empty value is no label. */
import { StorageError } from "../base/errors.ts";

export type Labels = Readonly<Record<string, string>>;

const oneLabel = "labels.";

/** `labels` without the empty ones, in a form that no key ("__proto__") can surprise. */
export function normaliseLabels(labels: Labels): Labels {
  return fromEntries(Object.entries(labels).filter(([, value]) => value !== ""));
}

/**
 * What `current` becomes when an update with `wanted` names `fieldPaths`, the paths of a gRPC field mask. The label's
 * key is all that follows "labels.", dots included.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for a path to anything but labels.
 */
export function updateLabels(current: Labels, wanted: Labels, fieldPaths: readonly string[] = []): Labels {
  const foreign = fieldPaths.find((path) => path !== "labels" && !path.startsWith(oneLabel));
  if (foreign !== undefined) {
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot update field ${JSON.stringify(foreign)}: only labels change`,
    );
  }
  if (fieldPaths.length === 0 || fieldPaths.includes("labels")) return normaliseLabels(wanted);
  const merged = new Map(Object.entries(current));
  for (const path of fieldPaths) {
    const key = path.slice(oneLabel.length);
    merged.set(key, Object.hasOwn(wanted, key) ? (wanted[key] ?? "") : "");
  }
  return normaliseLabels(fromEntries(merged));
}

export function parseLabels(json: string): Labels {
  return fromEntries(Object.entries(JSON.parse(json) as Record<string, string>));
}

export function formatLabels(labels: Labels): string {
  return JSON.stringify(normaliseLabels(labels));
}

/** Object.fromEntries defines own properties, so a key "__proto__" is an ordinary one. */
function fromEntries(entries: Iterable<readonly [string, string]>): Labels {
  return Object.fromEntries(entries);
}
