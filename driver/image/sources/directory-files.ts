import { constants, open } from "node:fs/promises";
import { join } from "node:path";
import { asStorageError, isErrno, StorageError } from "../../base/errors.ts";
import type { FileSlice } from "./image-source.ts";
import type { NamedFiles } from "./named-files.ts";

const namePattern = /^(?:index\.json|oci-layout|blobs\/sha256\/[0-9a-f]{64})$/;

/**
 * An OCI layout in a directory. Only the three kinds of names that a layout has are looked up, and only regular files
 * found: a symbolic link, a FIFO or a device in their place is an error.
 * @param dir absolute, symbolic links resolved.
 */
export function directoryFiles(dir: string, what: string): NamedFiles {
  return {
    what,
    find: (name) => (namePattern.test(name) ? findRegular(join(dir, name), what) : Promise.resolve(undefined)),
  };
}

async function findRegular(path: string, what: string): Promise<FileSlice | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile()) throw notRegular(path, what);
    return { path, offsetBytes: 0, sizeBytes: found.size };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    // ENXIO: a socket, or a FIFO in some directions.
    if (isErrno(error, "ELOOP", "ENXIO")) throw notRegular(path, what);
    throw asStorageError(error, `cannot read ${path} of ${what}`);
  }
}

function notRegular(path: string, what: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${path} of ${what}: it is not a regular file`);
}
