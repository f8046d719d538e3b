/**
 * The reading half of a layer: stored bytes are read once and, chunk by chunk, hashed, kept, decompressed and hashed
 * again. It proves the layer.
 */
import { type Hasher, requireDigest } from "../base/digest.ts";
import { asStorageError, StorageError } from "../base/errors.ts";
import type { Core } from "../wasm/core.ts";
import { Control } from "./control.ts";
import { compressionOf, createDecompressor, type Decompressor } from "./decompress.ts";
import { createHasher } from "./digest-engine.ts";
import { type LayerReader, openIngest, openLayerFile } from "./stored-bytes.ts";
import type { ReadLayer, ReadTask } from "./tasks.ts";

const ratioFloorBytes = 1024 ** 3;

/** Where tar bytes go. What it throws ends the reading. */
export interface TarSink {
  push(bytes: Uint8Array): void;
  end(): void;
}

/**
 * @throws {StorageError} ERR_DATA_LOSS naming the layer and both digests or sizes; ERR_RESOURCE_EXHAUSTED for a limit or
 * a full disk; ERR_CANCELED; otherwise what `sink` throws, unless bytes that are not the expected ones explain it.
 */
export async function readLayer(task: ReadTask, core: Core, sink: TarSink): Promise<ReadLayer> {
  const control = new Control(task.control);
  const blobHash = createHasher(task.engine, core);
  const diffHash = createHasher(task.engine, core);
  using file = openLayerFile(task.file, task.what, () => {
    control.throwIfCanceled(task.what);
  });
  using kept = openIngest(task.ingestPath);
  let decompressor: Decompressor | undefined;
  try {
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
      sink.push(bytes);
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
    sink.end();

    const digest = blobHash.digest();
    if (task.expectedDigest !== null) requireDigest(task.what, task.expectedDigest, digest);
    const diffId = diffHash.digest();
    if (task.expectedDiffId !== null) requireDigest(`diffID of ${task.what}`, task.expectedDiffId, diffId);
    return { digest, diffId, sizeBytes: task.file.sizeBytes, uncompressedBytes };
  } catch (error) {
    throw naming(task.what, mismatchBehind(error, task, file, blobHash) ?? error);
  } finally {
    decompressor?.close();
  }
}

/**
 * What is really wrong with a layer that cannot be read: bytes that are not the expected ones explain everything else,
 * so the rest of the file is hashed before a decompressor or parser is blamed.
 */
function mismatchBehind(error: unknown, task: ReadTask, file: LayerReader, blobHash: Hasher): unknown {
  const { code, details } = asStorageError(error);
  const isDataAtFault = code === "ERR_DATA_LOSS" || code === "ERR_INVALID_ARGUMENT";
  if (!isDataAtFault || task.expectedDigest === null || "expected" in details) return undefined;
  try {
    for (let chunk = file.read(); chunk !== undefined; chunk = file.read()) blobHash.update(chunk);
    requireDigest(task.what, task.expectedDigest, blobHash.digest());
    return undefined;
  } catch (mismatch) {
    return mismatch;
  }
}

/** The error, naming the layer once. */
export function naming(what: string, error: unknown): StorageError {
  const known = asStorageError(error);
  if (known.message.includes(what)) return known;
  return new StorageError(known.code, `cannot apply ${what}: ${known.message}`, {
    details: known.details,
    cause: error,
  });
}
