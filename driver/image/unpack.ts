/**
 * An image's layers from their files to committed snapshots: all that are missing are read at once, each on a thread;
 * then they are settled bottom up, and made visible together.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type ChainId, type Digest, parseDigest } from "../base/digest.ts";
import { StorageError, asStorageError, hasCode } from "../base/errors.ts";
import type { ContentStore, Ingest } from "../content/content-store.ts";
import { settleLayer } from "../extract/settle.ts";
import type { LowerLayer, Redirect, SettledLayer } from "../extract/staged-layer.ts";
import type { LayerOrder, LayerPool } from "../layer/layer-pool.ts";
import type { AppliedLayer } from "../layer/tasks.ts";
import { verifiedLayer } from "../layer/verified-layer.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { AdoptedLayer, Snapshotter, StagingDirectory } from "../snapshot/snapshotter.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { LayerProgress } from "./image-types.ts";
import { fetchLayer } from "./fetch-layer.ts";
import type { ImageStore } from "./image-store.ts";
import { isRemote, type SourceLayer } from "./sources/image-source.ts";

export interface UnpackContext {
  readonly snapshotter: Snapshotter;
  readonly content: ContentStore;
  readonly pool: LayerPool;
  readonly images: ImageStore;
  readonly privileges: Privileges;
}

export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LayerProgress) => void) | undefined;
  /** False for what nobody needs the stored bytes of: where the layer itself is there, they are not read. */
  readonly needsBlob?: ((digest: Digest) => boolean) | undefined;
}

export interface LayerToUnpack {
  readonly source: SourceLayer;
  readonly chainId: ChainId;
}

/** A layer of the image at hand, with what of it the store has. */
interface PlannedLayer {
  readonly source: SourceLayer;
  readonly what: string;
  readonly chainId: ChainId;
  /** "" for the lowest. */
  readonly parent: ChainId | "";
  readonly committed: boolean;
  /** Descriptor of the stored blob; undefined while there is none. */
  readonly stored: Descriptor | undefined;
  readonly needsBlob: boolean;
}

interface ReadLayer {
  readonly planned: PlannedLayer;
  readonly applied: AppliedLayer;
  /** Null when the snapshot was there and only the blob was missing. */
  readonly staging: StagingDirectory | null;
  readonly ingest: Ingest | null;
}

/** Layers proven and settled but not visible. Disposing drops what was not made visible. */
export interface UnpackedLayers extends AsyncDisposable {
  /** Of the blobs, bottom first. */
  readonly descriptors: readonly Descriptor[];
  readonly toAdopt: readonly AdoptedLayer[];
  readonly reused: number;
  /** What of the layers this process or file system could not keep, for people. */
  readonly warnings: readonly string[];
  /**
   * Stores the blobs and checks that what is reused is still there.
   * @throws {StorageError} ERR_ABORTED when a removal took something meanwhile: unpack again.
   */
  commitBlobs(): Promise<void>;
}

const maxRedirectRounds = 40;
const lockPollMs = 20;

export async function unpackLayers(
  context: UnpackContext,
  image: string,
  layers: readonly LayerToUnpack[],
  options: UnpackOptions,
): Promise<UnpackedLayers> {
  const scope = new AsyncDisposableStack();
  try {
    scope.use(await lockLowestMissing(context, layers, options.signal));
    const planned = await Promise.all(
      layers.map((layer, at) => plan(context, image, layer, layers[at - 1]?.chainId ?? "", options)),
    );
    const read = await readMissing(context, planned, image, scope, options);
    const toAdopt = await settle(context, read, scope, options);
    const descriptors = planned.map((layer) => {
      const fresh = read.find((each) => each.planned === layer);
      return layer.stored ?? descriptorOf(layer.source, fresh?.applied);
    });
    return {
      descriptors,
      toAdopt,
      reused: planned.filter((layer) => layer.committed).length,
      warnings: read.flatMap(({ planned: { what }, applied }) => applied.warnings.map((text) => `${what}: ${text}`)),
      commitBlobs: () => commitBlobs(context, planned, read, descriptors),
      [Symbol.asyncDispose]: () => scope.disposeAsync(),
    };
  } catch (error) {
    await scope.disposeAsync();
    throw error;
  }
}

/**
 * Keeps others, here and in other processes, from unpacking the same layers: they wait and then find them. Images share
 * the chainIDs of their lowest layers, so one lock is enough, on the lowest that is missing; who waits for it holds none.
 */
async function lockLowestMissing(
  { content, snapshotter }: UnpackContext,
  layers: readonly { readonly chainId: ChainId }[],
  signal: AbortSignal | undefined,
): Promise<AsyncDisposable> {
  for (;;) {
    signal?.throwIfAborted();
    let lowest: ChainId | undefined;
    for (const { chainId } of layers) {
      if (await isCommitted(snapshotter, chainId)) continue;
      lowest = chainId;
      break;
    }
    if (lowest === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
    try {
      const lock = await content.startIngest(`unpack ${lowest}`);
      if (!(await isCommitted(snapshotter, lowest))) return lock;
      await lock[Symbol.asyncDispose]();
    } catch (error) {
      if (!hasCode(error, "ERR_UNAVAILABLE")) throw error;
      await sleep(lockPollMs);
    }
  }
}

async function plan(
  { snapshotter, content, images }: UnpackContext,
  image: string,
  { source, chainId }: LayerToUnpack,
  parent: ChainId | "",
  options: UnpackOptions,
): Promise<PlannedLayer> {
  const { digest } = source.descriptor;
  const committed = await isCommitted(snapshotter, chainId);
  let stored: Descriptor | undefined;
  if (digest !== null) {
    const descriptor = { ...source.descriptor, digest };
    if (await isStored(content, descriptor)) stored = descriptor;
  } else if (committed) {
    // A source that does not name its bytes: the blob that this layer came from when it was first read serves as well.
    const row = images.layerRow(chainId);
    if (row !== undefined) {
      const { mediaType } = source.descriptor;
      const blob = { mediaType, digest: parseDigest(row.blob_digest), size: row.blob_size };
      if (await isStored(content, blob)) stored = blob;
    }
  }
  const what = `layer ${digest ?? `with diffID ${source.diffId}`} of ${image}`;
  const needsBlob = digest === null || (options.needsBlob?.(digest) ?? true);
  return { source, what, chainId, parent, committed, stored, needsBlob };
}

/** A blob of the wrong size, as a power cut can leave it, counts as missing: reading the layer again repairs it. */
async function isStored(content: ContentStore, { digest, size }: Descriptor): Promise<boolean> {
  try {
    return (await content.info(digest)).sizeBytes === size;
  } catch (error) {
    if (hasCode(error, "ERR_NOT_FOUND")) return false;
    throw error;
  }
}

async function isCommitted(snapshotter: Snapshotter, name: string): Promise<boolean> {
  try {
    return (await snapshotter.stat(name)).kind === "committed";
  } catch (error) {
    if (hasCode(error, "ERR_NOT_FOUND")) return false;
    throw error;
  }
}

/** Reads all layers of which the blob or the snapshot is missing. The first failure stops the others. */
async function readMissing(
  context: UnpackContext,
  planned: readonly PlannedLayer[],
  image: string,
  scope: AsyncDisposableStack,
  { signal, onProgress }: UnpackOptions,
): Promise<readonly ReadLayer[]> {
  const failed = new AbortController();
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const isHere = ({ committed, stored, needsBlob }: PlannedLayer): boolean =>
    committed && (stored !== undefined || !needsBlob);
  const sizeOf = ({ source }: PlannedLayer): number => source.descriptor.size;
  const missingBytes = planned.reduce((sum, layer) => sum + (isHere(layer) ? 0 : sizeOf(layer)), 0);
  const results = await Promise.allSettled(
    planned.map(async (layer) => {
      const report: Report = (phase, doneBytes) =>
        onProgress?.({
          image,
          layer: layer.source.descriptor.digest ?? layer.source.diffId,
          phase,
          doneBytes,
          totalBytes: layer.source.descriptor.size,
        });
      if (isHere(layer)) {
        report("reused", sizeOf(layer));
        return [];
      }
      report("waiting", 0);
      try {
        const isUrgent = 2 * sizeOf(layer) > missingBytes;
        const read = await readLayer(context, layer, [], scope, { signal: either, isUrgent, report });
        report("done", sizeOf(layer));
        return [read];
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  signal?.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason as Error;
  return results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
}

type Report = (phase: LayerProgress["phase"], doneBytes: number) => void;

interface Reading {
  readonly signal: AbortSignal | undefined;
  /** See {@link import("../layer/layer-pool.ts").ApplyOptions}. */
  readonly isUrgent: boolean;
  readonly report?: Report;
}

async function readLayer(
  context: UnpackContext,
  planned: PlannedLayer,
  redirects: readonly Redirect[],
  scope: AsyncDisposableStack,
  { signal, isUrgent, report }: Reading,
): Promise<ReadLayer> {
  const { snapshotter, content, pool } = context;
  const { source, what } = planned;
  const stage = async (): Promise<StagingDirectory | null> =>
    planned.committed ? null : scope.use(await snapshotter.stage());
  const order = (staging: StagingDirectory | null): Omit<LayerOrder, "file" | "ingestPath"> => ({
    what,
    expectedDigest: source.descriptor.digest,
    expectedDiffId: source.diffId,
    stagingDir: staging?.path ?? null,
    redirects,
  });
  const onProgress = (done: number): void => report?.("extracting", done);
  if (isRemote(source.file)) {
    const blob = descriptorOf(source, undefined);
    return fetchLayer({ content, what, blob, bytes: source.file, signal, report }, async (file, hasArrived) => {
      const staging = await stage();
      const whenArrived = (done: number): void => {
        if (hasArrived()) onProgress(done);
      };
      const applied = await pool.apply(
        { ...order(staging), file, ingestPath: null },
        { signal, isUrgent, ...(report && { onProgress: whenArrived }) },
      );
      return { planned, applied, staging, ingest: null };
    });
  }
  if (source.file.sizeBytes !== source.descriptor.size) {
    throw new StorageError(
      "ERR_DATA_LOSS",
      `cannot trust ${what}: its size is ${source.file.sizeBytes} bytes, expected ${source.descriptor.size}`,
      { details: { expected: source.descriptor.size, actual: source.file.sizeBytes } },
    );
  }
  const staging = await stage();
  const ingest =
    planned.stored === undefined && redirects.length === 0
      ? scope.use(await content.startIngest(`layer ${source.diffId} ${crypto.randomUUID()}`))
      : null;
  const applied = await pool.apply(
    { ...order(staging), file: source.file, ingestPath: ingest?.path ?? null },
    { signal, isUrgent, ...(report && { onProgress }) },
  );
  return { planned, applied, staging, ingest };
}

/** Bottom up, each layer on what is committed and on those settled before it. */
async function settle(
  context: UnpackContext,
  read: readonly ReadLayer[],
  scope: AsyncDisposableStack,
  { signal }: UnpackOptions,
): Promise<readonly AdoptedLayer[]> {
  const toAdopt: AdoptedLayer[] = [];
  const lowers: LowerLayer[] = [];
  for (const layer of read) {
    if (layer.staging === null) continue;
    const { chainId, parent } = layer.planned;
    if (toAdopt.length === 0) lowers.push(...(await context.snapshotter.lowerLayers(parent)));
    const settled = await settleOne(context, layer, layer.staging, lowers, scope, signal);
    lowers.unshift({
      dir: `${settled.layer.stagingDir}/fs`,
      whiteouts: settled.whiteouts,
      opaques: settled.opaques,
    });
    toAdopt.push({ name: chainId, parent, settled });
  }
  return toAdopt;
}

/** Entries that belong behind a symlink of the lower layers make the layer be laid again, knowing it this time. */
async function settleOne(
  context: UnpackContext,
  first: ReadLayer,
  firstStaging: StagingDirectory,
  lowers: readonly LowerLayer[],
  scope: AsyncDisposableStack,
  signal: AbortSignal | undefined,
): Promise<SettledLayer> {
  const redirects: Redirect[] = [];
  let { applied } = first;
  let staging = firstStaging;
  for (let round = 0; round < maxRedirectRounds; round++) {
    const outcome = settleNamed(first.planned.what, lowers, verifiedLayer(applied, staging.path), context.privileges);
    if ("settled" in outcome) return outcome.settled;
    redirects.push(...outcome.redirects);
    await staging[Symbol.asyncDispose]();
    const planned = { ...first.planned, stored: descriptorOf(first.planned.source, applied) };
    const again = await readLayer(context, planned, redirects, scope, { signal, isUrgent: true });
    if (again.staging === null) break;
    ({ applied, staging } = again);
  }
  throw new StorageError(
    "ERR_INVALID_ARGUMENT",
    `cannot settle ${first.planned.what}: its parents lead through too many symlinks`,
  );
}

function settleNamed(what: string, ...layer: Parameters<typeof settleLayer>): ReturnType<typeof settleLayer> {
  try {
    return settleLayer(...layer);
  } catch (error) {
    const { code, message, details } = asStorageError(error);
    throw new StorageError(code, `cannot settle ${what}: ${message}`, { details, cause: error });
  }
}

async function commitBlobs(
  { snapshotter, content }: UnpackContext,
  planned: readonly PlannedLayer[],
  read: readonly ReadLayer[],
  descriptors: readonly Descriptor[],
): Promise<void> {
  for (const { ingest, applied } of read) {
    if (ingest !== null) await content.commitIngest(ingest.path, applied);
  }
  for (const layer of planned) {
    if (layer.committed && !(await isCommitted(snapshotter, layer.chainId))) throw taken(layer.what);
  }
  for (const [at, descriptor] of descriptors.entries()) {
    if (planned[at]?.needsBlob !== false && !(await isStored(content, descriptor)))
      throw taken(`blob ${descriptor.digest}`);
  }
}

function taken(what: string): StorageError {
  return new StorageError("ERR_ABORTED", `cannot reuse ${what}: it was removed meanwhile; try again`);
}

function descriptorOf({ descriptor }: SourceLayer, applied: AppliedLayer | undefined): Descriptor {
  const digest = descriptor.digest ?? applied?.digest;
  if (digest === undefined) throw new TypeError("a layer is either stored or was read");
  return { ...descriptor, digest };
}
