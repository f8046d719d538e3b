/** One header block and the extended headers before it, made into a TarEntry. */
import type { TarHeaderParser } from "../wasm/tar-header.ts";
import type { RelPath } from "../base/path-bytes.ts";
import type { EntryType, TarEntry, TarLimits } from "./entry.ts";
import type { PaxRecords } from "./pax-records.ts";
import { cleanPath } from "./clean-path.ts";
import { badEntry } from "./tar-errors.ts";

const maxId = 2 ** 32 - 2;
const maxDevice = 2 ** 32 - 1;
const maxLinkBytes = 4095;

/** Typeflags of POSIX, V7 (NUL) and GNU ("D" a directory with a list of its names, "S" a sparse file). */
const typesByFlag: Readonly<Record<string, EntryType>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "char-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
  "7": "file",
  D: "directory",
  S: "file",
};

/** What extended headers said of the entry that follows them. */
export interface Extensions {
  readonly pax: PaxRecords | undefined;
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
}

/** An entry but for its sparse map, and what is stored of its data. */
export interface EntryDraft {
  readonly entry: TarEntry;
  /** The entry's name as its header gives it, for messages. */
  readonly name: string;
  /** Bytes that follow the header block, padding not counted. */
  readonly storedBytes: number;
}

/**
 * Reads the block that `header` holds. GNU long names go before PAX paths, PAX values before the block's; in particular
 * a PAX size is the size whatever the block says, as every desynchronised reader has taught.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for what cannot be; ERR_RESOURCE_EXHAUSTED over `maxDepth`.
 */
export function draftEntry(header: TarHeaderParser, extensions: Extensions, limits: TarLimits): EntryDraft {
  const { pax, longName, longLink } = extensions;
  const flag = header.typeflag;
  const name = pax?.sparse?.name ?? longName ?? pax?.path ?? header.name;
  const type = flag === "\0" && name.endsWith("/") ? "directory" : typesByFlag[flag];
  if (type === undefined) throw badEntry(name, unreadable(flag));
  const path = cleanPath(name, limits.maxDepth);
  if (path === "" && type !== "directory") throw badEntry(name, "only a directory can be the root");
  const storedBytes = pax?.sizeBytes ?? header.size;
  if (!Number.isSafeInteger(storedBytes) || storedBytes < 0) throw badEntry(name, `its size is ${said(storedBytes)}`);
  const mode = header.mode;
  if (!Number.isFinite(mode)) throw badEntry(name, `its mode is ${said(mode)}`);
  const isDevice = type === "char-device" || type === "block-device";
  const entry: TarEntry = {
    type,
    path,
    linkTarget: linkTarget(type, name, longLink ?? pax?.linkPath, header, limits),
    mode: mode & 0o7777,
    uid: bounded(name, "uid", pax?.uid ?? header.uid, maxId),
    gid: bounded(name, "gid", pax?.gid ?? header.gid, maxId),
    mtimeNs: pax?.mtimeNs ?? wholeSeconds(name, header.mtime),
    sizeBytes: type === "file" ? storedBytes : 0,
    devMajor: isDevice ? bounded(name, "device major", header.devMajor, maxDevice) : 0,
    devMinor: isDevice ? bounded(name, "device minor", header.devMinor, maxDevice) : 0,
    xattrs: pax === undefined ? noXattrs : mergedXattrs(pax),
    sparse: undefined,
  };
  return { entry, name, storedBytes };
}

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map();

function mergedXattrs(pax: PaxRecords): ReadonlyMap<string, Uint8Array> {
  return pax.encodedXattrs.size === 0 ? pax.xattrs : new Map([...pax.encodedXattrs, ...pax.xattrs]);
}

function linkTarget(
  type: EntryType,
  name: string,
  extended: string | undefined,
  header: TarHeaderParser,
  limits: TarLimits,
): string | RelPath {
  if (type !== "hardlink" && type !== "symlink") return "";
  const target = extended ?? header.linkName;
  if (target === "") throw badEntry(name, "its link target is empty");
  if (type === "symlink") {
    if (target.length <= maxLinkBytes) return target;
    throw badEntry(name, `its link target is longer than ${maxLinkBytes} bytes`);
  }
  const cleaned = cleanPath(target, limits.maxDepth);
  if (cleaned === "") throw badEntry(name, "it is a hard link to the root");
  return cleaned;
}

function bounded(name: string, what: string, value: number, most: number): number {
  if (value >= 0 && value <= most) return value;
  throw badEntry(name, `its ${what} is ${said(value)}`);
}

function wholeSeconds(name: string, seconds: number): bigint {
  if (!Number.isFinite(seconds)) throw badEntry(name, `its mtime is ${said(seconds)}`);
  return BigInt(seconds) * 1_000_000_000n;
}

function said(value: number): string {
  if (Number.isNaN(value)) return "not a number";
  return Number.isFinite(value) ? `out of range: ${value}` : "out of range";
}

function unreadable(flag: string): string {
  if (flag === "M") return "it continues a file from another volume";
  return `its type ${JSON.stringify(flag)} is unknown`;
}
