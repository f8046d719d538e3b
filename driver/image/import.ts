/** `import`: a tar of a root file system, plain or compressed, becomes an image of one layer. */
import { createWriteStream, fstatSync } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Digest } from "../base/digest.ts";
import { asStorageError, StorageError } from "../base/errors.ts";
import type { LayerFile } from "../layer/tasks.ts";
import { compressionMagicBytes, detectCompression } from "../oci/compression.ts";
import { layerTypeFor } from "../oci/media-type.ts";
import { hostPlatform, parsePlatform } from "../oci/platform.ts";
import { applyChanges } from "./change-instructions.ts";
import { historyEntry } from "./commit-config.ts";
import { createdTime, sourceDateEpoch } from "./created-time.ts";
import { namesOf } from "./image-names.ts";
import type { RawObject } from "./raw-config.ts";
import { readSoleLayer, storeSoleImage } from "./sole-layer.ts";
import { ChunkReader } from "./sources/chunk-reader.ts";
import { readFifo } from "./sources/fifo.ts";
import { unsupported } from "./sources/spooled-archive.ts";
import { stdinFile } from "./sources/stdin-file.ts";
import type { UnpackContext } from "./unpack.ts";

export interface ImportOptions {
  /** A name with a tag; without one the image is only found by its ID. */
  readonly reference?: string | undefined;
  /** "Imported from -" unless given, as Docker writes it. */
  readonly message?: string | undefined;
  /** Dockerfile instructions, in order: see change-instructions.ts. */
  readonly changes?: readonly string[] | undefined;
  /** os/architecture[/variant]; default: this machine's. */
  readonly platform?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ImportedImage {
  readonly id: Digest;
  readonly manifestDigest: Digest;
  /** Canonical; empty without a reference. */
  readonly names: readonly string[];
  /** What of the files could not be kept, for people. */
  readonly warnings: readonly string[];
}

/**
 * Imports the file, or standard input for "-". The bytes are kept as they come: the blob's digest is the file's.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for a change, a reference, a platform or what is no tar; ERR_NOT_FOUND for
 * the file; ERR_DATA_LOSS when it is cut short or damaged; ERR_UNIMPLEMENTED for xz, bzip2 and lz4; ERR_RESOURCE_EXHAUSTED
 * for a limit or a full disk. The store is then as it was before.
 */
export async function importImage(
  context: UnpackContext,
  source: string,
  options: ImportOptions,
): Promise<ImportedImage> {
  const names = namesOf(options.reference);
  const { os, architecture, variant } =
    options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
  const created = createdTime(sourceDateEpoch());
  const config = applyChanges({}, options.changes ?? []);
  await using scope = new AsyncDisposableStack();
  const what = source === "-" ? "standard input" : JSON.stringify(source);
  const ingest = scope.use(await context.content.startIngest(`import ${crypto.randomUUID()}`));
  const file = await fileOf(source, what, ingest.path, options.signal);
  const compression = await compressionOf(file, what);
  const layer = await readSoleLayer(
    context,
    {
      what: `layer of ${what}`,
      file,
      expected: null,
      ingestPath: ingest.path,
      signal: options.signal,
    },
    scope,
  );
  options.signal?.throwIfAborted();
  const { diffId, warnings } = layer.applied;
  const comment = options.message ?? "Imported from -";
  const document: RawObject = {
    created,
    os,
    architecture,
    ...(variant !== undefined && { variant }),
    config,
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [historyEntry({ diffId, created, createdBy: "", comment, author: "" })],
  };
  const stored = await storeSoleImage(context, layer, {
    config: document,
    mediaType: layerTypeFor(compression),
    names,
  });
  return { ...stored, names, warnings };
}

/** A regular file is read where it lies; what can be read only once goes into the ingest first. */
async function fileOf(
  source: string,
  what: string,
  ingestPath: string,
  signal: AbortSignal | undefined,
): Promise<LayerFile> {
  const stdin = source === "-" ? stdinFile() : undefined;
  if (source === "-" && stdin === undefined) {
    if (!fstatSync(0).isCharacterDevice()) return spool(process.stdin, ingestPath, signal);
    const reason = process.stdin.isTTY ? "it is a terminal" : "it is a device";
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot import ${what}: ${reason}`);
  }
  try {
    const path = stdin ?? (await realpath(source));
    const found = await stat(path);
    if (found.isFile()) return { path, offsetBytes: 0, sizeBytes: found.size };
    if (found.isFIFO()) return await spool(readFifo(path, signal), ingestPath, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw asStorageError(error, `cannot import ${what}`);
  }
  throw new StorageError("ERR_INVALID_ARGUMENT", `cannot import ${what}: it is neither a file nor a pipe`);
}

async function spool(
  input: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal | undefined,
): Promise<LayerFile> {
  const chunks = new ChunkReader(input, signal);
  let sizeBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
      sizeBytes += chunk.length;
      yield chunk;
    }
  }
  try {
    await pipeline(Readable.from(counted(), { objectMode: false }), createWriteStream(path, { flags: "r+" }));
  } catch (error) {
    signal?.throwIfAborted();
    throw asStorageError(error, "cannot keep what is imported");
  } finally {
    chunks.close();
  }
  return { path, offsetBytes: 0, sizeBytes };
}

async function compressionOf({ path }: LayerFile, what: string): Promise<"none" | "gzip" | "zstd"> {
  await using file = await open(path);
  const start = Buffer.alloc(compressionMagicBytes);
  const { bytesRead } = await file.read(start, 0, start.length, 0);
  if (bytesRead === 0) throw new StorageError("ERR_INVALID_ARGUMENT", `cannot import ${what}: it is empty`);
  const found = detectCompression(start.subarray(0, bytesRead));
  if (found === "none" || found === "gzip" || found === "zstd") return found;
  throw unsupported(found, what);
}
