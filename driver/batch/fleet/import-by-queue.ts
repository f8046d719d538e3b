/** A set imported by a fleet: planned here, done by whoever works on the queue, and reported here as any other batch. */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BatchReport, ImageReport, LayerReport } from "../batch-report.ts";
import { familiesOf, type Family } from "../graph/families.ts";
import type { ImageSet } from "../image-set.ts";
import { BatchRecord } from "../import/batch-record.ts";
import type { ImportSetOptions } from "../import/import-set.ts";
import type { FamilyResult } from "../import/import-family.ts";
import { type Journal, openJournal } from "../journal/journal.ts";
import { keyOf, type PlannedImage, uniqueLayers } from "../plan/planned-image.ts";
import { planSet, type SetPlan } from "../plan/plan-set.ts";
import { connectQueueServer, type QueueServer } from "../queue/bullmq-connection.ts";
import { openBullmqQueue, removeBullmqQueue } from "../queue/bullmq-queue.ts";
import type { SettledJob } from "../queue/work-queue.ts";
import { batchId, type FleetBatch, hostsOf, publishBatch, queueNameOf, withdrawBatch } from "./batches.ts";
import { jobsOf } from "./work-on-queue.ts";

export interface ImportByQueueOptions extends Pick<
  ImportSetOptions,
  "client" | "platform" | "signal" | "onPlanned" | "onEvent"
> {
  /** Keeps the report; no image comes into it. */
  readonly storage: ImportSetOptions["storage"];
  /** redis://…, rediss://… or the path of a socket. */
  readonly url: string;
  /** So many hosts are each to have all of it; by default the fleet together has each image once. */
  readonly hosts?: number | undefined;
}

const pollMs = 500;

/**
 * Waits until every family has been done. Ended before, it leaves the rest to the workers, and the next call with the same
 * set waits for the same batch.
 * @throws {StorageError} as connectQueueServer; the signal's reason.
 */
export async function importByQueue(set: ImageSet, options: ImportByQueueOptions): Promise<BatchReport> {
  const { storage, client, platform, signal = new AbortController().signal, url, hosts } = options;
  await using server = await connectQueueServer(url);
  using journal = openJournal(storage.root);
  const spoolDir = join(tmpdir(), "laminate-spool");
  const plan = withoutFiles(await planSet(set, { client, known: journal.manifests, spoolDir, platform, signal }));
  const families = familiesOf(plan.images);
  const batch = await begin(server, set, families, options);
  const record = new FleetRecord(journal, set, plan, hosts ?? 1, options);
  if (hosts === undefined) await collect(batch, null, record, { url, signal }, families);
  else await collectFromHosts(server, batch, hosts, record, { url, signal }, families);
  const names = hosts === undefined ? [null] : await hostsOf(server.redis, batch);
  await withdrawBatch(server.redis, batch);
  for (const host of names) await removeBullmqQueue(server, queueNameOf(batch, host));
  return record.end();
}

/** Workers are elsewhere. */
function withoutFiles({ images, failures, ...plan }: SetPlan): SetPlan {
  const [files, remote] = [images.filter(({ kind }) => kind === "file"), images.filter(({ kind }) => kind !== "file")];
  const unreachable = files.map(({ source, platform }) => ({
    ...{ source, platform },
    error: {
      code: "ERR_FAILED_PRECONDITION",
      message: `cannot import ${source}: workers may not have this file; load it and push it to a registry`,
    },
  }));
  return { ...plan, images: remote, failures: [...failures, ...unreachable] };
}

/** Jobs come first: a batch that is known has them. */
async function begin(
  server: QueueServer,
  set: ImageSet,
  families: readonly Family[],
  { url, hosts }: Pick<ImportByQueueOptions, "url" | "hosts">,
): Promise<FleetBatch> {
  const id = batchId(families, hosts ?? null);
  if (hosts === undefined) {
    await using queue = await openBullmqQueue({ url, name: queueNameOf({ id }, null) });
    await queue.add(jobsOf(families));
  }
  const registries = set.registries
    .filter(({ verifyTls }) => verifyTls !== undefined)
    .map(({ host, verifyTls }) => ({ host, verifyTls }));
  return publishBatch(server.redis, {
    ...{ version: 1, id, set: set.name, begun: randomUUID(), hosts: hosts ?? null, registries },
    families: hosts === undefined ? [] : families,
  });
}

interface Waiting {
  readonly url: string;
  readonly signal: AbortSignal;
}

async function collect(
  batch: FleetBatch,
  host: string | null,
  record: FleetRecord,
  { url, signal }: Waiting,
  families: readonly Family[],
): Promise<void> {
  await using queue = await openBullmqQueue({ url, name: queueNameOf(batch, host) });
  // A host may not have come to it yet.
  if (host !== null) await queue.add(jobsOf(families));
  const byId = new Map(families.map((family) => [family.id, family]));
  const onProgress = record.onProgress;
  for await (const job of queue.settled({ signal, onProgress })) {
    const family = byId.get(job.id);
    if (family !== undefined) record.note(job, family.images);
  }
}

/** From each of the first hosts that come. */
async function collectFromHosts(
  server: QueueServer,
  batch: FleetBatch,
  hosts: number,
  record: FleetRecord,
  waiting: Waiting,
  families: readonly Family[],
): Promise<void> {
  const collecting = new Map<string, Promise<void>>();
  while (collecting.size < hosts) {
    waiting.signal.throwIfAborted();
    for (const host of (await hostsOf(server.redis, batch)).slice(0, hosts)) {
      if (!collecting.has(host) && collecting.size < hosts) {
        const one = collect(batch, host, record, waiting, families);
        one.catch(() => undefined);
        collecting.set(host, one);
      }
    }
    if (collecting.size < hosts) await sleep(pollMs, undefined, { signal: waiting.signal }).catch(() => undefined);
  }
  await Promise.all(collecting.values());
}

/** What workers say, in the journal. What several hosts did is one: failed where one failed, with all that was fetched. */
class FleetRecord {
  readonly onProgress: (progress: { readonly event: unknown }) => void;
  readonly #record: BatchRecord;
  readonly #hosts: number;
  readonly #results = new Map<string, FamilyResult[]>();
  readonly #onEvent: ImportByQueueOptions["onEvent"];

  constructor(journal: Journal, set: ImageSet, plan: SetPlan, hosts: number, options: ImportByQueueOptions) {
    this.#hosts = hosts;
    this.#onEvent = options.onEvent;
    this.onProgress = ({ event }) => {
      options.onEvent?.(event as Parameters<NonNullable<ImportByQueueOptions["onEvent"]>>[0]);
    };
    this.#record = new BatchRecord(journal, journal.begin(set.name, { joins: false }), plan, { joins: false });
    const layers = uniqueLayers(plan.images);
    const fetchBytes = layers.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
    const images = plan.images.length + plan.failures.length;
    options.onPlanned?.({ images, present: 0, failed: plan.failures.length, fetchBytes: fetchBytes * hosts });
  }

  note(job: SettledJob, images: readonly PlannedImage[]): void {
    const results = this.#results.get(job.id) ?? [];
    this.#results.set(job.id, results);
    results.push(job.status === "done" ? resultOf(job) : failureOf(job, images));
    if (results.length < this.#hosts) return;
    const merged = results.reduce(worst);
    // Its times are from its beginning, which was that long ago when it was heard of at once.
    const elapsedMs = job.status === "done" ? (job.result as { elapsedMs?: number }).elapsedMs : 0;
    const offsetMs = Math.max(0, this.#record.elapsedMs - (elapsedMs ?? 0));
    for (const image of merged.images) {
      this.#record.noteImage(image, offsetMs);
      if (image.status === "pending") continue;
      const { source, status, digest, error, fetchedBytes } = image;
      this.#onEvent?.({
        ...{ type: "image", source, status, digest, error, fetchedBytes },
        ...{ platform: null, elapsedMs: image.elapsedMs ?? 0, warnings: [] },
      });
    }
    this.#record.noteLayers(merged.layers, offsetMs);
  }

  end(): BatchReport {
    this.#record.end();
    return this.#record.report();
  }
}

function resultOf(job: Extract<SettledJob, { status: "done" }>): FamilyResult {
  const { images, layers } = job.result as unknown as FamilyResult;
  const { worker } = job;
  return {
    images: images.map((image) => ({ ...image, worker })),
    layers: layers.map((layer) => ({ ...layer, worker })),
  };
}

function failureOf(
  { error, worker }: Extract<SettledJob, { status: "failed" }>,
  images: readonly PlannedImage[],
): FamilyResult {
  const nothing = { digest: null, names: [], layerCount: 0, sizeBytes: 0, fetchedBytes: 0 };
  return {
    images: images.map((image) => ({
      ...nothing,
      ...{ source: keyOf(image), status: "failed", startedMs: null, elapsedMs: null, error, worker },
    })),
    layers: [],
  };
}

const severity: readonly ImageReport["status"][] = ["present", "imported", "pending", "failed"];

function worst(a: FamilyResult, b: FamilyResult): FamilyResult {
  const others = new Map(b.images.map((image) => [image.source, image]));
  const layers = new Map(b.layers.map((layer) => [layer.digest, layer]));
  return {
    images: a.images.map((image): ImageReport => {
      const other = others.get(image.source) ?? image;
      const isWorse = severity.indexOf(other.status) > severity.indexOf(image.status);
      const fetchedBytes = image.fetchedBytes + other.fetchedBytes;
      return { ...(isWorse ? other : image), fetchedBytes };
    }),
    layers: a.layers.map((layer): LayerReport => {
      const other = layers.get(layer.digest);
      return { ...layer, fetchedBytes: layer.fetchedBytes + (other?.fetchedBytes ?? 0) };
    }),
  };
}
