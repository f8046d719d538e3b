/** From what a user calls a place to its files: a directory, an archive in a file, or one from a pipe, spooled. */
import { createReadStream, fstatSync } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { basename } from "node:path";
import { asStorageError, StorageError } from "../../base/errors.ts";
import { compressionMagicBytes, detectCompression } from "../../oci/compression.ts";
import type { ArchiveFiles } from "./archive-files.ts";
import { directoryFiles } from "./directory-files.ts";
import { readFifo } from "./fifo.ts";
import { indexArchive } from "./indexed-archive.ts";
import { type Locator, parseLocator } from "./locator.ts";
import type { NamedFiles } from "./named-files.ts";
import { spoolArchive, type SpoolOptions } from "./spooled-archive.ts";
import { stdinFile } from "./stdin-file.ts";

export interface SourceFilesOptions {
  /** Directory for what must be spooled: archives that are compressed or come through a pipe. Made if need be. */
  readonly spoolDir: string;
  readonly signal?: AbortSignal | undefined;
  /** What `-` reads; standard input unless given. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
}

/** Disposing removes what was spooled. */
export interface SourceFiles extends AsyncDisposable {
  /** How to call it in messages. */
  readonly what: string;
  readonly locator: Locator;
  readonly files: NamedFiles;
  /** The same files; undefined for a directory, which can be an OCI layout only. */
  readonly archive: ArchiveFiles | undefined;
  /** What a directory is called. */
  readonly directoryName: string | undefined;
}

/** @throws {StorageError} as openImageSource, but for what is in the files. */
export async function openSourceFiles(text: string, options: SourceFilesOptions): Promise<SourceFiles> {
  options.signal?.throwIfAborted();
  const locator = parseLocator(text);
  const spool = { spoolDir: options.spoolDir, signal: options.signal };
  if (locator.kind === "stdin") return openStdin(locator, spool, options.stdin);

  const what = JSON.stringify(locator.path);
  let path: string;
  let found;
  try {
    path = await realpath(locator.path);
    found = await stat(path);
  } catch (error) {
    throw asStorageError(error, `cannot open ${what}`);
  }
  if (found.isDirectory()) {
    if (locator.kind !== "path" && locator.kind !== "oci") throw notFor(locator, "is a directory");
    return {
      ...{ what, locator, files: directoryFiles(path, what), archive: undefined, directoryName: basename(path) },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  if (locator.kind === "oci") throw notFor(locator, "is not a directory");
  if (found.isFile()) return openFile(path, what, locator, spool);
  if (!found.isFIFO()) throw notFor(locator, "is neither a file, a directory nor a pipe");
  return openStream(readFifo(path, spool.signal), what, locator, spool);
}

export function notFor(locator: Exclude<Locator, { kind: "stdin" }>, reason: string): StorageError {
  const as = locator.kind === "path" ? "" : ` as ${locator.kind}`;
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot load ${JSON.stringify(locator.path)}${as}: it ${reason}`);
}

async function openStdin(
  locator: Locator,
  spool: SpoolOptions,
  given: AsyncIterable<Uint8Array> | undefined,
): Promise<SourceFiles> {
  const what = "standard input";
  if (given === undefined) {
    const path = stdinFile();
    if (path !== undefined) return openFile(path, what, locator, spool);
    if (fstatSync(0).isCharacterDevice()) {
      const reason = process.stdin.isTTY ? "it is a terminal" : "it is a device";
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read an archive from ${what}: ${reason}`);
    }
  }
  return openStream(given ?? process.stdin, what, locator, spool);
}

async function openFile(path: string, what: string, locator: Locator, spool: SpoolOptions): Promise<SourceFiles> {
  if ((await compressionOf(path, what)) !== "none") return openStream(createReadStream(path), what, locator, spool);
  return archived(what, locator, indexArchive(path, what), undefined);
}

async function openStream(
  stream: AsyncIterable<Uint8Array>,
  what: string,
  locator: Locator,
  spool: SpoolOptions,
): Promise<SourceFiles> {
  const spooled = await spoolArchive(stream, what, spool);
  return archived(what, locator, spooled.files, spooled);
}

function archived(
  what: string,
  locator: Locator,
  archive: ArchiveFiles,
  held: AsyncDisposable | undefined,
): SourceFiles {
  return {
    ...{ what, locator, files: archive, archive, directoryName: undefined },
    [Symbol.asyncDispose]: async () => held?.[Symbol.asyncDispose](),
  };
}

async function compressionOf(path: string, what: string): Promise<string> {
  try {
    await using file = await open(path);
    const start = Buffer.alloc(compressionMagicBytes);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    if (bytesRead === 0) throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${what}: it is empty`);
    return detectCompression(start.subarray(0, bytesRead));
  } catch (error) {
    throw asStorageError(error, `cannot read ${what}`);
  }
}
