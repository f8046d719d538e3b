/** Archives that can be read only once, from start to end: their files are kept in one spool file meanwhile. */
import { type FileHandle, mkdir, open, statfs } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type Extract } from "tar-stream";
import { asStorageError, isStorageError, StorageError } from "../../base/errors.ts";
import { compressionMagicBytes, type DetectedCompression, detectCompression } from "../../oci/compression.ts";
import { type Ingest, Ingests } from "../../content/ingest.ts";
import { ArchiveFiles } from "./archive-files.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { zstdStages } from "./zstd-stream.ts";

/** Part of the free space that a spool may fill. */
const maxShareOfFree = 0.9;
const zlibChunkBytes: number = 256 * 1024;

export interface SpooledArchive extends AsyncDisposable {
  readonly files: ArchiveFiles;
}

export interface SpoolOptions {
  readonly spoolDir: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads `input`, plain or compressed with gzip or zstd, to its end. The spool file is private (0600) and goes when the
 * result is disposed of, when this throws, and, after a crash, when the directory's leftovers are next removed.
 * @throws {StorageError} ERR_DATA_LOSS when the archive is cut or damaged; ERR_UNIMPLEMENTED for other compressions;
 * ERR_RESOURCE_EXHAUSTED before it fills the disk.
 */
export async function spoolArchive(
  input: AsyncIterable<Uint8Array>,
  what: string,
  { spoolDir, signal }: SpoolOptions,
): Promise<SpooledArchive> {
  signal?.throwIfAborted();
  const ingest = await startSpool(spoolDir, what);
  try {
    const free = await statfs(spoolDir);
    const maxBytes = Math.floor(free.bavail * free.bsize * maxShareOfFree);
    await using spool = await open(ingest.path, "r+");
    const files = new ArchiveFiles(what);
    await unpack(input, what, { maxBytes, signal }, (members) => keep(members, files, ingest.path, spool));
    return { files, [Symbol.asyncDispose]: () => ingest[Symbol.asyncDispose]() };
  } catch (error) {
    await ingest[Symbol.asyncDispose]();
    signal?.throwIfAborted();
    throw readError(error, what);
  }
}

async function startSpool(spoolDir: string, what: string): Promise<Ingest> {
  try {
    await mkdir(spoolDir, { recursive: true, mode: 0o700 });
    return await new Ingests(spoolDir).start(`spool ${randomUUID()}`);
  } catch (error) {
    throw asStorageError(error, `cannot spool ${what}`);
  }
}

/** Feeds the archive through decompressor and tar parser while `take` takes its members; the first failure ends both. */
async function unpack(
  input: AsyncIterable<Uint8Array>,
  what: string,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal | undefined },
  take: (members: Extract) => Promise<void>,
): Promise<void> {
  const chunks = new ChunkReader(input, signal);
  try {
    const start = await readMagic(chunks);
    if (start.length === 0) throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${what}: it is empty`);
    const decompression = decompressionOf(detectCompression(start), what);
    const members = extract();
    const rest = Readable.from(withStart(start, chunks), { objectMode: false });
    const stages = [rest, ...decompression, byteLimit(maxBytes, what), members] as const;
    const [fed, taken] = await Promise.allSettled([pipeline(stages as never, { signal }), take(members)]);
    if (taken.status === "rejected" && isStorageError(taken.reason)) throw taken.reason;
    if (fed.status === "rejected") throw fed.reason;
    if (taken.status === "rejected") throw taken.reason;
  } finally {
    chunks.close();
  }
}

async function readMagic(chunks: ChunkReader): Promise<Uint8Array> {
  let start: Uint8Array = Buffer.alloc(0);
  while (start.length < compressionMagicBytes) {
    const next = await chunks.next();
    if (next === undefined) break;
    start = Buffer.concat([start, next]);
  }
  return start;
}

async function* withStart(start: Uint8Array, chunks: ChunkReader): AsyncGenerator<Uint8Array> {
  yield start;
  for (let next = await chunks.next(); next !== undefined; next = await chunks.next()) yield next;
}

type Stage = NodeJS.ReadWriteStream | ((input: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>);

function decompressionOf(compression: DetectedCompression, what: string): readonly Stage[] {
  switch (compression) {
    case "none":
      return [];
    case "gzip":
      return [createGunzip({ chunkSize: zlibChunkBytes })];
    case "zstd":
      return zstdStages(what);
    case "xz":
    case "bzip2":
    case "lz4":
      throw unsupported(compression, what);
  }
}

export function unsupported(compression: string, what: string): StorageError {
  const tool = compression === "bzip2" ? "bunzip2" : compression === "xz" ? "unxz" : "unlz4";
  return new StorageError(
    "ERR_UNIMPLEMENTED",
    `cannot read ${what}: it is compressed with ${compression}; decompress it first (${tool}), or use gzip or zstd`,
  );
}

function byteLimit(maxBytes: number, what: string): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= maxBytes) done(null, chunk);
      else
        done(
          new StorageError("ERR_RESOURCE_EXHAUSTED", `cannot spool ${what}: more than ${maxBytes} bytes (free space)`),
        );
    },
  });
}

const linkTypes: Readonly<Record<string, "symlink" | "hardlink">> = { symlink: "symlink", link: "hardlink" };

async function keep(members: Extract, files: ArchiveFiles, path: string, spool: FileHandle): Promise<void> {
  let endBytes = 0;
  for await (const member of members) {
    const { name, type, linkname } = member.header;
    const offsetBytes = endBytes;
    for await (const chunk of member as AsyncIterable<Uint8Array>) {
      if (type === "file" || type === "contiguous-file") endBytes += await writeAll(spool, chunk, endBytes);
    }
    const link = linkTypes[type];
    if (link !== undefined) files.add(name, link, undefined, linkname);
    else if (type === "file" || type === "contiguous-file") {
      files.add(name, "file", { path, offsetBytes, sizeBytes: endBytes - offsetBytes }, "");
    }
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
  return bytes.length;
}

/** What zlib and tar-stream throw has no errno of a system call: it is about the bytes. */
function readError(error: unknown, what: string): StorageError {
  if (isStorageError(error)) return error;
  const isSystem = error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";
  if (isSystem || !(error instanceof Error)) return asStorageError(error, `cannot read ${what}`);
  return new StorageError("ERR_DATA_LOSS", `cannot read ${what}: ${error.message}`, { cause: error });
}
