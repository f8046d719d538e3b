/**
 * The one pass: stored bytes are read once and, chunk by chunk, hashed, kept, decompressed, hashed again, parsed and
 * laid down. Nothing runs ahead of anything else, so memory is one chunk and one window whatever the layer's size.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { requireDigest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import { LayerExtractor } from "../extract/layer-extractor.ts";
import type { LayerNotes, Usage } from "../extract/staged-layer.ts";
import { detectPrivileges } from "../sys/privileges.ts";
import type { TarHandler } from "../tar/entry.ts";
import { TarReader } from "../tar/tar-reader.ts";
import type { Core } from "../wasm/core.ts";
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
  let decompressor: Decompressor | undefined;
  let ingestFd = -1;
  try {
    const tar = new TarReader(extraction, { limits: task.limits, core });
    let uncompressedBytes = 0;
    const receiveTar = (bytes: Uint8Array): void => {
      uncompressedBytes += bytes.length;
      if (uncompressedBytes > ratioFloorBytes && uncompressedBytes > control.doneBytes * task.limits.maxRatio) {
        throw new StorageError(
          "ERR_RESOURCE_EXHAUSTED",
          `cannot apply ${task.what}: it inflates more than ${task.limits.maxRatio} times (limit maxRatio)`,
        );
      }
      diffHash.update(bytes);
      tar.push(bytes);
    };
    if (task.ingestPath !== null) ingestFd = openSync(task.ingestPath, constants.O_WRONLY | constants.O_NOFOLLOW);
    for (const chunk of readChunks(task.file, task.what)) {
      control.throwIfCanceled(task.what);
      control.doneBytes += chunk.length;
      blobHash.update(chunk);
      if (ingestFd >= 0) writeAll(ingestFd, chunk);
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
    requireDigest(`diffID of ${task.what}`, task.expectedDiffId, diffId);
    return { digest, diffId, sizeBytes: task.file.sizeBytes, uncompressedBytes, ...extraction.finish() };
  } finally {
    if (ingestFd >= 0) closeSync(ingestFd);
    decompressor?.close();
    extraction.close();
  }
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

/** Yields views of one reused buffer. */
function* readChunks(file: LayerFile, what: string): Generator<Uint8Array> {
  const fd = openSync(file.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) {
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${what}: ${file.path} is not a regular file`);
    }
    const buffer = Buffer.allocUnsafeSlow(chunkBytes);
    const end = file.offsetBytes + file.sizeBytes;
    for (let at = file.offsetBytes; at < end;) {
      const got = readSync(fd, buffer, 0, Math.min(chunkBytes, end - at), at);
      if (got === 0) {
        throw new StorageError(
          "ERR_DATA_LOSS",
          `cannot read ${what}: ${file.path} ends after ${at - file.offsetBytes} of ${file.sizeBytes} bytes`,
        );
      }
      yield buffer.subarray(0, got);
      at += got;
    }
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
