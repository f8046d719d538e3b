/** Finds what a seekable, uncompressed tar holds by hopping from header to header, without reading any data. */
import type { RelPath } from "../base/path-bytes.ts";
import type { Core } from "../wasm/core.ts";
import { sharedCore } from "../wasm/core.ts";
import { StorageError } from "../base/errors.ts";
import { shownPath } from "../base/path-bytes.ts";
import { defaultTarLimits } from "./entry.ts";
import type { EntryType, TarLimits } from "./entry.ts";
import { HeaderResolver } from "./header-resolver.ts";
import { badHeader, cutShort } from "./tar-errors.ts";

export interface IndexedEntry {
  readonly type: EntryType;
  readonly path: RelPath;
  /** As TarEntry's. */
  readonly linkTarget: string;
  /** Where its data begins in the archive. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** The bytes at `offset`: exactly `length` of them, or fewer at the end. Only used until the next call. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

export interface IndexOptions {
  readonly limits?: TarLimits;
  readonly core?: Core;
}

const blockBytes = 512;

/**
 * The entries of the archive of `sizeBytes` behind `read`, in order; a path may come more than once, the last counts.
 * The same archives are accepted as by TarReader, but for sparse files, whose data is not in one piece.
 * @throws {StorageError} as TarReader; ERR_DATA_LOSS when the archive is cut short; ERR_UNIMPLEMENTED for sparse files.
 */
export function indexTar(read: ReadAt, sizeBytes: number, options: IndexOptions = {}): readonly IndexedEntry[] {
  const resolver = new HeaderResolver(options.core ?? sharedCore(), options.limits ?? defaultTarLimits);
  const entries: IndexedEntry[] = [];
  const readAll = (offset: number, length: number, where: string): Uint8Array => {
    if (offset + length > sizeBytes) throw cutShort(sizeBytes, where);
    const bytes = read(offset, length);
    if (bytes.byteLength !== length) throw cutShort(offset + bytes.byteLength, where);
    return bytes;
  };
  let sawZeroBlock = false;
  for (let at = 0; at < sizeBytes;) {
    if (sawZeroBlock && sizeBytes - at < blockBytes) return entries;
    const step = resolver.block(readAll(at, blockBytes, "a header"), 0, at);
    if (sawZeroBlock) {
      if (step === "zeros" || step === "garbage") return entries;
      throw badHeader(at, "an entry follows a zero block, where readers disagree on the archive's end");
    }
    const bodyAt = at + blockBytes;
    const bodyBytes = step === "zeros" ? 0 : resolver.bodyBytes;
    switch (step) {
      case "garbage":
        throw badHeader(at, "the checksum is wrong");
      case "zeros":
        if (resolver.expectsEntry) throw cutShort(at, "the headers of an entry");
        sawZeroBlock = true;
        break;
      case "collect":
        resolver.collected(readAll(bodyAt, bodyBytes, "a header"));
        break;
      case "sparse-block":
        throw new StorageError("ERR_UNIMPLEMENTED", `cannot index tar: the entry at byte ${at} is a sparse file`);
      case "skip":
        break;
      case "entry": {
        const { type, path, linkTarget, sparse } = resolver.entry;
        if (sparse !== undefined) {
          throw new StorageError("ERR_UNIMPLEMENTED", `cannot index tar: ${shownPath(path)} is a sparse file`);
        }
        entries.push({ type, path, linkTarget, offsetBytes: bodyAt, sizeBytes: resolver.entry.sizeBytes });
        if (resolver.bodyIsDoubtful) resolver.checkBody(readAll(bodyAt, blockBytes, "the data of an entry"), 0);
      }
    }
    if (bodyAt + bodyBytes > sizeBytes) throw cutShort(sizeBytes, "the data of an entry");
    at = bodyAt + Math.ceil(bodyBytes / blockBytes) * blockBytes;
  }
  if (resolver.expectsEntry) throw cutShort(sizeBytes, "the headers of an entry");
  return entries;
}
