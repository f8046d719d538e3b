/**
 * A set into the store of this machine: planned, compared with what is here, and done family by family through a queue that
 * lives in the journal. A run that was ended, however, is gone on from; a run beside another one shares its work.
 */
import { hash } from "node:crypto";
import { join } from "node:path";
import { StorageError } from "../../base/errors.ts";
import { flockFd } from "../../sys/linux.ts";
import { openLocked } from "../../sys/lock-file.ts";
import { Slots } from "../../registry/slots.ts";
import type { Storage } from "../../storage-types.ts";
import type { BatchReport } from "../batch-report.ts";
import { familiesOf, type Family } from "../graph/families.ts";
import type { ImageSet } from "../image-set.ts";
import { batchDir, type Journal, type JournalBatch, openJournal, queueName } from "../journal/journal.ts";
import { DiskNeed, estimateFrom } from "../plan/disk-need.ts";
import type { PlannedImage } from "../plan/planned-image.ts";
import { planSet } from "../plan/plan-set.ts";
import type { SetClient } from "../plan/set-client.ts";
import type { Json } from "../queue/work-queue.ts";
import { openLocalQueue } from "../queue/local-queue.ts";
import { BatchRecord } from "./batch-record.ts";
import { type DiskGuard, freeBytesOf, inMegabytes, openDiskGuard } from "./disk-guard.ts";
import type { ImportEvent } from "./events.ts";
import { importFamily } from "./import-family.ts";
import { StoreSurvey } from "./store-survey.ts";

export interface ImportSetOptions {
  readonly storage: Storage;
  /** Stays the caller's to close. */
  readonly client: SetClient;
  /** For images of which the set says none. */
  readonly platform?: string | undefined;
  /** 4 by default. */
  readonly imagesAtOnce?: number | undefined;
  /** Ends with the first image that fails. */
  readonly isFailFast?: boolean | undefined;
  /** False: begins whatever the disk seems to have. */
  readonly isDiskChecked?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onPlanned?: ((plan: PlannedWork) => void) | undefined;
  readonly onEvent?: ((event: ImportEvent) => void) | undefined;
}

/** What there is to do, once all is resolved. */
export interface PlannedWork {
  readonly images: number;
  readonly present: number;
  readonly failed: number;
  /** Stored bytes of layers that are to come. */
  readonly fetchBytes: number;
}

const defaultImagesAtOnce = 4;

/**
 * Everything that can be imported is; what cannot is reported.
 * @throws {StorageError} ERR_RESOURCE_EXHAUSTED for want of disk; with `isFailFast` what the first image failed with; the
 * signal's reason. The journal has the report, and the next import of the set goes on.
 */
export async function importSet(set: ImageSet, options: ImportSetOptions): Promise<BatchReport> {
  const { storage, client, platform, signal = new AbortController().signal } = options;
  using journal = openJournal(storage.root);
  using part = takePart(journal, storage.root, set.name);
  const { batch, isAlone } = part;
  const spoolDir = join(batchDir(storage.root), "spool");
  const plan = await planSet(set, { client, known: journal.manifests, spoolDir, platform, signal });
  const survey = await StoreSurvey.of(storage);
  const present = await survey.present(plan.images);
  const missing = plan.images.filter((image) => !present.has(image));
  const estimate = await estimateFrom(storage);
  const need = await DiskNeed.of(missing, survey, estimate);
  const record = new BatchRecord(journal, batch, plan, { joins: !isAlone });
  const sizes = { images: plan.images.length + plan.failures.length, present: present.size };
  options.onPlanned?.({ ...sizes, failed: plan.failures.length, fetchBytes: need.fetchBytes });
  const [failure] = plan.failures;
  if (options.isFailFast === true && failure !== undefined) {
    throw new StorageError(failure.error.code as StorageError["code"], failure.error.message);
  }
  if (options.isDiskChecked !== false) await requireRoom(storage.root, need.of(missing));
  const disk = openDiskGuard({
    root: storage.root,
    needOf: async (image) => (await DiskNeed.of([image], survey, estimate)).of([image]),
    isChecked: options.isDiskChecked !== false,
  });
  await workOn(journal, batch, record, familiesOf(plan.images), { ...options, signal, disk, survey });
  // Pending is what another process has left undone.
  const report = record.report();
  if (report.totals.pending === 0) record.end();
  return report;
}

interface Work extends ImportSetOptions {
  readonly signal: AbortSignal;
  readonly disk: DiskGuard;
  readonly survey: StoreSurvey;
}

async function workOn(
  journal: Journal,
  batch: JournalBatch,
  record: BatchRecord,
  families: readonly Family[],
  options: Work,
): Promise<void> {
  const { storage, client, disk, survey, signal, onEvent, isFailFast = false } = options;
  const imagesAtOnce = options.imagesAtOnce ?? defaultImagesAtOnce;
  const slots = new Slots(imagesAtOnce);
  const name = queueName(batch);
  await using queue = openLocalQueue({
    ...{ database: journal.database, workersDir: join(batchDir(storage.root), "workers"), name },
    attempts: 1,
  });
  const byId = new Map(families.map((family) => [family.id, family]));
  await queue.add(families.map(({ id, images }, priority) => ({ id, data: images as unknown as Json, priority })));

  let fatal: { readonly error: unknown } | undefined;
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const fail = (error: unknown): void => {
    fatal ??= { error };
    stop.abort(error);
  };
  await queue.work(
    async ({ id, data }, context) => {
      const family = { images: byId.get(id)?.images ?? (data as unknown as readonly PlannedImage[]) };
      const beganMs = record.elapsedMs;
      try {
        const result = await importFamily({ storage, client, slots, disk, survey }, family, {
          signal: context.signal,
          onImage: (report) => {
            record.noteImage(report, beganMs);
            const { error } = report;
            if (isFailFast && error !== null) fail(new StorageError(error.code as StorageError["code"], error.message));
          },
          onLayers: (layers) => {
            record.noteLayers(layers, beganMs);
          },
          onEvent,
        });
        return result as unknown as Json;
      } catch (error) {
        if (!context.signal.aborted) fail(error);
        throw error;
      }
    },
    { concurrency: imagesAtOnce, signal: either, until: "settled" },
  );
  signal.throwIfAborted();
  if (fatal !== undefined) throw fatal.error as Error;
}

/** @throws {StorageError} ERR_RESOURCE_EXHAUSTED. */
async function requireRoom(root: string, needBytes: number): Promise<void> {
  const freeBytes = await freeBytesOf(root);
  if (needBytes <= freeBytes) return;
  throw new StorageError(
    "ERR_RESOURCE_EXHAUSTED",
    `cannot import the set: it needs about ${inMegabytes(needBytes)} at ${root}, and ${inMegabytes(freeBytes)} are free; ` +
      "make room, take fewer images, or begin all the same with --ignore-disk-space",
    { details: { root, needBytes, freeBytes } },
  );
}

interface Part extends Disposable {
  readonly batch: JournalBatch;
  /** No other process imports this set into this store. */
  readonly isAlone: boolean;
}

/**
 * Processes that import one set into one store hold a lock together. Who finds it free begins a run of the batch; others
 * join that run.
 */
function takePart(journal: Journal, root: string, set: string): Part {
  const path = join(batchDir(root), `${hash("sha256", set).slice(0, 32)}.lock`);
  const alone = openLocked(path, { nonBlocking: true });
  const isAlone = alone !== undefined;
  // To join waits for a run to have been begun: a moment.
  const lock = alone ?? openLocked(path, { exclusive: false });
  const batch = journal.begin(set, { joins: !isAlone });
  // Jobs of dead runs are planned anew: their tags may have moved, and their images may be here.
  if (isAlone) journal.forgetJobs(batch);
  if (typeof alone?.fd === "number") flockFd(alone.fd, "shared", { nonBlocking: true });
  return {
    ...{ batch, isAlone },
    [Symbol.dispose]: () => {
      lock?.[Symbol.dispose]();
    },
  };
}
