import { shownPath } from "../base/path-bytes.ts";
import { StorageError } from "../base/errors.ts";

/** ERR_INVALID_ARGUMENT about an entry; `name` as its header gives it. */
export function badEntry(name: string, reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot read tar entry ${shownPath(name)}: ${reason}`);
}

/** ERR_INVALID_ARGUMENT about a header, by where it is in the stream. */
export function badHeader(atByte: number, reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot read tar header at byte ${atByte}: ${reason}`, {
    details: { offsetBytes: atByte },
  });
}

/** ERR_RESOURCE_EXHAUSTED naming the limit of TarLimits. */
export function overLimit(atByte: number, limit: string, most: number): StorageError {
  return new StorageError("ERR_RESOURCE_EXHAUSTED", `cannot read tar at byte ${atByte}: over ${limit} (${most})`, {
    details: { offsetBytes: atByte, limit, most },
  });
}

/** ERR_DATA_LOSS: the archive ends where it must not. */
export function cutShort(atByte: number, where: string): StorageError {
  return new StorageError("ERR_DATA_LOSS", `cannot read tar: it ends at byte ${atByte}, within ${where}`, {
    details: { offsetBytes: atByte },
  });
}
