/**
 * The one pass: stored bytes are read once and, chunk by chunk, hashed, kept, decompressed, hashed again, parsed and
 * laid down. Nothing runs ahead of anything else, so memory is one chunk and one window whatever the layer's size.
 */
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Hasher, requireDigest } from "../base/digest.ts";
import { StorageError, asStorageError } from "../base/errors.ts";
import { LayerExtractor } from "../extract/layer-extractor.ts";
import type { LayerNotes, Usage } from "../extract/staged-layer.ts";
import { detectPrivileges } from "../sys/privileges.ts";
import type { TarHandler } from "../tar/entry.ts";
import { TarReader } from "../tar/tar-reader.ts";
import type { Core } from "../wasm/core.ts";
import { Arrival } from "./arrival.ts";
import { Control } from "./control.ts";
import { compressionOf, createDecompressor, type Decompressor } from "./decompress.ts";
import { createHasher } from "./digest-engine.ts";
import type { AppliedLayer, ApplyTask, LayerFile } from "./tasks.ts";

const chunkBytes = 256 * 1024;
const ratioFloorBytes = 1024 ** 3;

interface Extraction extends TarHandler {
  finish(): { notes: LayerNotes; usage: Usage; warnings: readonly string[] };
  close(): void;
}

/**
 * Applies one layer into `task.stagingDir` and proves it.
 * @throws {StorageError} ERR_DATA_LOSS naming the layer and both digests or sizes; ERR_RESOURCE_EXHAUSTED for a limit or
 * a full disk; ERR_INVALID_ARGUMENT for a tar that means nothing safe; ERR_CANCELED. The caller drops the staging.
 */
export async function applyLayer(task: ApplyTask, core: Core): Promise<AppliedLayer> {
  const control = new Control(task.control);
  const blobHash = createHasher(task.engine, core);
  const diffHash = createHasher(task.engine, core);
  const extraction = task.stagingDir === null ? parseOnly : openExtraction(task, task.stagingDir);
  using file = openLayerFile(task.file, task.what, () => {
    control.throwIfCanceled(task.what);
  });
  using kept = openIngest(task.ingestPath);
  let decompressor: Decompressor | undefined;
  try {
    const tar = new TarReader(extraction, { limits: task.limits, core });
    let uncompressedBytes = 0;
    const receiveTar = (bytes: Uint8Array): void => {
      uncompressedBytes += bytes.length;
      if (uncompressedBytes > ratioFloorBytes && uncompressedBytes > control.doneBytes * task.limits.maxRatio) {
        throw new StorageError(
          "ERR_RESOURCE_EXHAUSTED",
          `it inflates more than ${task.limits.maxRatio} times (limit maxRatio)`,
        );
      }
      diffHash.update(bytes);
      tar.push(bytes);
    };
    for (let chunk = file.read(); chunk !== undefined; chunk = file.read()) {
      control.throwIfCanceled(task.what);
      control.doneBytes += chunk.length;
      blobHash.update(chunk);
      kept.write(chunk);
      decompressor ??= createDecompressor(compressionOf(chunk, task.what), core, task.what, receiveTar);
      const pending = decompressor.push(chunk);
      if (pending !== undefined) await pending;
    }
    const flushed = decompressor?.end();
    if (flushed !== undefined) await flushed;
    tar.end();

    const digest = blobHash.digest();
    if (task.expectedDigest !== null) requireDigest(task.what, task.expectedDigest, digest);
    const diffId = diffHash.digest();
    if (task.expectedDiffId !== null) requireDigest(`diffID of ${task.what}`, task.expectedDiffId, diffId);
    return { digest, diffId, sizeBytes: task.file.sizeBytes, uncompressedBytes, ...extraction.finish() };
  } catch (error) {
    throw explain(error, task, file, blobHash);
  } finally {
    decompressor?.close();
    extraction.close();
  }
}

/**
 * What is really wrong with a layer that cannot be read: bytes that are not the expected ones explain everything else,
 * so the rest of the file is hashed before a decompressor or parser is blamed.
 */
function explain(error: unknown, task: ApplyTask, file: LayerReader, blobHash: Hasher): unknown {
  const known = asStorageError(error);
  const isDataAtFault = known.code === "ERR_DATA_LOSS" || known.code === "ERR_INVALID_ARGUMENT";
  if (isDataAtFault && task.expectedDigest !== null && !("expected" in known.details)) {
    try {
      for (let chunk = file.read(); chunk !== undefined; chunk = file.read()) blobHash.update(chunk);
      requireDigest(task.what, task.expectedDigest, blobHash.digest());
    } catch (mismatch) {
      return mismatch;
    }
  }
  if (known.message.includes(task.what)) return known;
  const message = `cannot apply ${task.what}: ${known.message}`;
  return new StorageError(known.code, message, { details: known.details, cause: error });
}

function openExtraction(task: ApplyTask, stagingDir: string): Extraction {
  return new LayerExtractor(join(stagingDir, "fs"), {
    privileges: detectPrivileges(),
    redirects: task.redirects,
  });
}

/** Takes the place of an extraction when a layer is only verified. */
const parseOnly: Extraction = {
  entry: () => undefined,
  data: () => undefined,
  endOfEntry: () => undefined,
  finish: () => ({
    notes: { whiteouts: [], opaques: [], replaced: [], implied: [], lowerLinks: [] },
    usage: { inodes: 0, sizeBytes: 0 },
    warnings: [],
  }),
  close: () => undefined,
};

interface LayerReader extends Disposable {
  /** A view of one reused buffer; undefined at the end. */
  read(): Uint8Array | undefined;
}

function openLayerFile(
  { path, offsetBytes, sizeBytes, arrival }: LayerFile,
  what: string,
  checkCanceled: () => void,
): LayerReader {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const end = offsetBytes + sizeBytes;
  const buffer = Buffer.allocUnsafeSlow(chunkBytes);
  const arriving = arrival && new Arrival(arrival);
  let at = offsetBytes;
  let there = arriving === undefined ? end : at;
  return {
    read: () => {
      if (at === end) return undefined;
      if (at === there) there = Math.min(end, arriving?.waitBeyond(at, what, checkCanceled) ?? end);
      const got = readSync(fd, buffer, 0, Math.min(chunkBytes, there - at), at);
      if (got === 0) {
        throw new StorageError(
          "ERR_DATA_LOSS",
          `cannot read ${what}: ${path} ends after ${at - offsetBytes} of ${sizeBytes} bytes`,
          { details: { expected: sizeBytes, actual: at - offsetBytes } },
        );
      }
      at += got;
      return buffer.subarray(0, got);
    },
    [Symbol.dispose]: () => {
      closeSync(fd);
    },
  };
}

interface KeptBytes extends Disposable {
  write(bytes: Uint8Array): void;
}

function openIngest(path: string | null): KeptBytes {
  if (path === null) return { write: () => undefined, [Symbol.dispose]: () => undefined };
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    },
    [Symbol.dispose]: () => {
      closeSync(fd);
    },
  };
}
