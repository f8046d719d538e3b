import { StorageError } from "./base/errors.ts";
import type { Storage, StorageOptions } from "./storage-types.ts";

/** Opens a store. */
export function createStorage(options: StorageOptions = {}): Promise<Storage> {
  return Promise.reject(
    new StorageError("ERR_UNIMPLEMENTED", `cannot open store ${options.root ?? ""}: not implemented yet`),
  );
}
