/**
 * What a tar stream is made of, after headers, PAX records and GNU extensions are resolved. Nothing here is trusted:
 * names are cleaned but may still lead through symlinks; sizes and numbers are within range but chosen by a stranger.
 */
import type { RelPath } from "../base/path-bytes.ts";

export type EntryType = "file" | "hardlink" | "symlink" | "char-device" | "block-device" | "directory" | "fifo";

/** A part of a sparse file that is not a hole. Bytes, in order, not overlapping, within the file's size. */
export interface SparseExtent {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface TarEntry {
  readonly type: EntryType;
  /** Cleaned; "" is the root of the layer. */
  readonly path: RelPath;
  /** Symlink: the target's bytes as they stand (latin1). Hardlink: a cleaned RelPath. Otherwise "". */
  readonly linkTarget: string;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  /** 0 to 2^32-2. */
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970, exact, negative before it. */
  readonly mtimeNs: bigint;
  /** Length of the file once laid down: for a sparse file, with its holes. 0 for everything but files. */
  readonly sizeBytes: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** From SCHILY.xattr.* and LIBARCHIVE.xattr.* records; name as latin1. All of them: the extractor filters. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Present for sparse files: the data that follows is these extents, one after the other. */
  readonly sparse: readonly SparseExtent[] | undefined;
}

/** Receives a tar stream in order: `entry`, then `data` zero or more times, then `endOfEntry`. All synchronous. */
export interface TarHandler {
  entry(entry: TarEntry): void;
  /** `bytes` is a view that the caller reuses: consume it before returning. */
  data(bytes: Uint8Array): void;
  endOfEntry(): void;
}

/** What one layer may cost. Exceeding one is ERR_RESOURCE_EXHAUSTED naming the limit. */
export interface TarLimits {
  /** Entries in one layer. */
  readonly maxEntries: number;
  /** Bytes of all files, holes included. */
  readonly maxBytes: number;
  /** Bytes of one PAX, long-name or long-link block; 1 MiB is the most, whatever this says. */
  readonly maxHeaderBytes: number;
  /** Data extents of one sparse file. */
  readonly maxSparseExtents: number;
  /** Components of one path. */
  readonly maxDepth: number;
}

export const defaultTarLimits: TarLimits = {
  maxEntries: 4_000_000,
  maxBytes: 1024 ** 4,
  maxHeaderBytes: 1024 * 1024,
  maxSparseExtents: 1_000_000,
  maxDepth: 1024,
};
