/**
 * A layer's bytes on their way from afar: written to a partial blob that outlives this process, and followed by the thread
 * that reads the layer, so that the last byte is extracted shortly after it came. Each blob is fetched once, however many
 * want it; what came before a kill is not fetched again.
 */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { asStorageError, hasCode, StorageError } from "../base/errors.ts";
import type { ContentStore, PartialBlob } from "../content/content-store.ts";
import { Arrival } from "../layer/arrival.ts";
import type { AppliedLayer, LayerFile } from "../layer/tasks.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { LayerProgress } from "./image-types.ts";
import type { RemoteBytes } from "./sources/image-source.ts";

export interface FetchedLayer {
  readonly content: ContentStore;
  /** "layer sha256:… of …". */
  readonly what: string;
  readonly blob: Descriptor;
  readonly bytes: RemoteBytes;
  readonly signal?: AbortSignal | undefined;
  readonly report?: ((phase: LayerProgress["phase"], doneBytes: number) => void) | undefined;
}

/** Reads a layer that may still be arriving; what it resolves to has been proven against the blob's digest. */
export type ReadArriving<Read> = (file: LayerFile, hasArrived: () => boolean) => Promise<Read>;

const pollMs = 50;
const reportIntervalMs = 100;

/**
 * The blob is stored when this resolves; until the image is complete its bytes count as wanted.
 * @throws {StorageError} what `read` or the source throws: of both, the source's failure. What came is kept unless it is
 * wrong.
 */
export async function fetchLayer<Read extends { readonly applied: AppliedLayer }>(
  layer: FetchedLayer,
  read: ReadArriving<Read>,
): Promise<Read> {
  const { content, blob } = layer;
  for (;;) {
    layer.signal?.throwIfAborted();
    if (await isWhole(content, blob)) {
      return read({ path: content.pathOf(blob.digest), offsetBytes: 0, sizeBytes: blob.size }, () => true);
    }
    await using partial = await content.resumePartial(blob.digest);
    if (partial === undefined) {
      await sleep(pollMs);
      continue;
    }
    // Whoever had it may have finished it while this waited.
    if (await isWhole(content, blob)) continue;
    return await fetchOnce(layer, partial, read);
  }
}

async function isWhole(content: ContentStore, { digest, size }: Descriptor): Promise<boolean> {
  return (await content.has(digest)) && (await content.info(digest)).sizeBytes === size;
}

/** Twice where the first bytes are from before: they may be what is wrong. */
async function fetchOnce<Read extends { readonly applied: AppliedLayer }>(
  layer: FetchedLayer,
  partial: PartialBlob,
  read: ReadArriving<Read>,
): Promise<Read> {
  const { content, blob } = layer;
  let fromBytes = partial.sizeBytes;
  if (fromBytes > blob.size) {
    await partial.restart();
    fromBytes = 0;
  }
  for (;;) {
    try {
      const done = await whileArriving(layer, partial.path, fromBytes, read);
      await content.commitIngest(partial.path, done.applied, blob);
      return done;
    } catch (error) {
      layer.signal?.throwIfAborted();
      const isWrong = hasCode(error, "ERR_DATA_LOSS") || hasCode(error, "ERR_INVALID_ARGUMENT");
      if (!isWrong) throw error;
      await partial.restart();
      if (fromBytes === 0) throw error;
      fromBytes = 0;
    }
  }
}

async function whileArriving<Read>(
  layer: FetchedLayer,
  path: string,
  fromBytes: number,
  read: ReadArriving<Read>,
): Promise<Read> {
  const { blob, signal } = layer;
  const arrival = new Arrival();
  const given = new AbortController();
  const either = signal === undefined ? given.signal : AbortSignal.any([signal, given.signal]);
  let hasArrived = false;
  let failure: unknown;
  const fetched = write(layer, path, fromBytes, arrival, either).then(
    () => {
      hasArrived = true;
    },
    (error: unknown) => {
      if (!given.signal.aborted) failure = error;
      arrival.stop();
    },
  );
  try {
    const file = { path, offsetBytes: 0, sizeBytes: blob.size, arrival: arrival.buffer };
    return await read(file, () => hasArrived);
  } catch (error) {
    // The thread's word on a stream that broke off is only that it broke off.
    given.abort();
    await fetched;
    throw (failure ?? error) as Error;
  } finally {
    await fetched;
  }
}

async function write(
  { blob, bytes, what, report }: FetchedLayer,
  path: string,
  fromBytes: number,
  arrival: Arrival,
  signal: AbortSignal,
): Promise<void> {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    let at = fromBytes;
    let reportedMs = 0;
    arrival.advance(at);
    report?.("fetching", at);
    for await (const chunk of bytes.read(at, signal)) {
      if (at + chunk.length > blob.size) {
        throw new StorageError("ERR_DATA_LOSS", `cannot trust ${what}: more than ${blob.size} bytes came`);
      }
      for (let done = 0; done < chunk.length;) done += writeSync(fd, chunk, done, chunk.length - done, at + done);
      at += chunk.length;
      arrival.advance(at);
      const nowMs = performance.now();
      if (nowMs - reportedMs < reportIntervalMs) continue;
      reportedMs = nowMs;
      report?.("fetching", at);
    }
    if (at !== blob.size) {
      throw new StorageError("ERR_DATA_LOSS", `cannot trust ${what}: ${at} of ${blob.size} bytes came`);
    }
    report?.("fetching", at);
  } catch (error) {
    signal.throwIfAborted();
    throw asStorageError(error, `cannot store ${what}`);
  } finally {
    closeSync(fd);
  }
}
