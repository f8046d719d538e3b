import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { asStorageError, StorageError } from "../../base/errors.ts";
import { defaultTarLimits } from "../../tar/entry.ts";
import { indexTar } from "../../tar/index-archive.ts";
import { ArchiveFiles, maxMembers } from "./archive-files.ts";
import { shown } from "./named-files.ts";

const limits = { ...defaultTarLimits, maxEntries: maxMembers };

/**
 * An uncompressed archive in a regular file: headers are read, data is left where it lies.
 * @param path absolute, symbolic links resolved.
 * @throws {StorageError} ERR_DATA_LOSS when the archive is cut or damaged; ERR_INVALID_ARGUMENT when it is no tar.
 */
export function indexArchive(path: string, what: string): ArchiveFiles {
  const files = new ArchiveFiles(what);
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const archive = fd;
    const { size } = fstatSync(archive);
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(archive, bytes, 0, length, offset));
    };
    for (const { path: name, type, linkTarget, offsetBytes, sizeBytes } of indexTar(read, size, { limits })) {
      const text = textOf(name);
      if (type === "file") {
        if (offsetBytes + sizeBytes > size) throw cut(text, what);
        files.add(text, type, { path, offsetBytes, sizeBytes }, "");
      } else if (type === "symlink" || type === "hardlink") files.add(text, type, undefined, textOf(linkTarget));
    }
    return files;
  } catch (error) {
    throw asStorageError(error, `cannot read ${what}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Documents name members in UTF-8; a name that is not cannot be meant by them. */
function textOf(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

function cut(name: string, what: string): StorageError {
  return new StorageError("ERR_DATA_LOSS", `cannot read ${what}: it ends within ${shown(name)}`);
}
