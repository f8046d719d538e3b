import { asStorageError, StorageError } from "../base/errors.ts";

/** `error` as a StorageError of its code, with `context`, "cannot <verb> <thing>", before its message in any case. */
export function inContext(error: unknown, context: string): StorageError {
  const { code, message, details } = asStorageError(error);
  return new StorageError(code, `${context}: ${message}`, { details, cause: error });
}
