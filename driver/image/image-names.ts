import { StorageError } from "../base/errors.ts";
import { parseReference } from "../oci/reference.ts";

/**
 * The canonical names that a new image gets: one, or none without a reference.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for what is no name with a tag.
 */
export function namesOf(reference: string | undefined): readonly string[] {
  if (reference === undefined) return [];
  const { tag, digest, canonical } = parseReference(reference);
  if (tag !== undefined && digest === undefined) return [canonical];
  throw new StorageError("ERR_INVALID_ARGUMENT", `cannot name an image ${reference}: a name has a tag, not a digest`);
}
