/** A worker of a fleet: does what the batches on a queue server have for it, until it is stopped. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../../base/errors.ts";
import type { RegistryOptions } from "../../registry/registry-client.ts";
import { Slots } from "../../registry/slots.ts";
import type { Storage } from "../../storage-types.ts";
import type { Family } from "../graph/families.ts";
import { openDiskGuard } from "../import/disk-guard.ts";
import type { ImportEvent } from "../import/events.ts";
import { importFamily } from "../import/import-family.ts";
import { StoreSurvey } from "../import/store-survey.ts";
import { DiskNeed, estimateFrom } from "../plan/disk-need.ts";
import type { PlannedImage } from "../plan/planned-image.ts";
import { SetClient } from "../plan/set-client.ts";
import { connectQueueServer, type QueueServer } from "../queue/bullmq-connection.ts";
import { openBullmqQueue } from "../queue/bullmq-queue.ts";
import type { JobContext, Json } from "../queue/work-queue.ts";
import { type FleetBatch, joinBatch, listBatches, queueNameOf } from "./batches.ts";

export interface FleetWorkOptions {
  readonly storage: Storage;
  /** redis://…, rediss://… or the path of a socket. */
  readonly url: string;
  /** How registries are spoken to; batches say no more than whether certificates are checked. */
  readonly registryOptions?: RegistryOptions | undefined;
  /**
   * The host whose share this is: of batches that every host is to have, all workers of one host do all. Null: of batches
   * that the fleet is to have once.
   */
  readonly host: string | null;
  /** 1 by default: more may leave others without any. */
  readonly familiesAtOnce?: number | undefined;
  /** 4 by default. */
  readonly imagesAtOnce?: number | undefined;
  /** How long this worker may be silent before others take its work; 30 000 by default. */
  readonly leaseMs?: number | undefined;
  /** Gives back what is under way. */
  readonly signal: AbortSignal;
  readonly onBatch?: ((set: string, status: "begun" | "over") => void) | undefined;
  readonly onEvent?: ((event: ImportEvent) => void) | undefined;
}

const pollMs = 500;

/**
 * Resolves when the signal is aborted.
 * @throws {StorageError} as connectQueueServer.
 */
export async function workOnQueue(options: FleetWorkOptions): Promise<void> {
  const { url, host, signal } = options;
  await using server = await connectQueueServer(url);
  const slots = new Slots(options.imagesAtOnce ?? 4);
  const running = new Map<string, Promise<void>>();
  /** What has settled, and is not yet collected. */
  const over = new Set<string>();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  while (!stop.aborted) {
    // A server that is just starting knows none yet.
    for (const batch of await untilAborted(listBatches(server.redis).catch(none), stop)) {
      const isOurs = (batch.hosts === null) === (host === null);
      if (!isOurs || running.has(batch.begun) || over.has(batch.begun)) continue;
      const work = workOnBatch(server, batch, slots, { ...options, signal: stop })
        .then(() => over.add(batch.begun))
        .catch((error: unknown) => {
          // It is begun again when the server is back.
          if (!hasCode(error, "ERR_UNAVAILABLE")) failed.abort(error);
        })
        .finally(() => running.delete(batch.begun));
      running.set(batch.begun, work.then(noop));
    }
    await sleep(pollMs, undefined, { signal: stop }).catch(noop);
  }
  await Promise.all(running.values());
  if (!signal.aborted) throw failed.signal.reason as Error;
}

async function workOnBatch(
  server: QueueServer,
  batch: FleetBatch,
  slots: Slots,
  options: FleetWorkOptions,
): Promise<void> {
  const { storage, url, host, leaseMs, signal, onBatch, onEvent } = options;
  onBatch?.(batch.set, "begun");
  await using client = new SetClient(batch.registries, options.registryOptions);
  await using queue = await openBullmqQueue({ url, name: queueNameOf(batch, host), leaseMs });
  if (host !== null) {
    await queue.add(jobsOf(batch.families));
    await joinBatch(server.redis, batch, host);
  }
  await queue.work(
    async ({ data }, context) => {
      const { images } = data as unknown as Pick<Family, "images">;
      const survey = await StoreSurvey.of(storage);
      const estimate = await estimateFrom(storage);
      const disk = openDiskGuard({
        root: storage.root,
        needOf: async (image: PlannedImage) => (await DiskNeed.of([image], survey, estimate)).of([image]),
        isChecked: true,
      });
      const beganMs = performance.now();
      const result = await importFamily(
        { storage, client, slots, disk, survey },
        { images },
        {
          signal: context.signal,
          onEvent: (event) => {
            onEvent?.(event);
            report(event, context);
          },
        },
      );
      return { ...result, elapsedMs: Math.round(performance.now() - beganMs) } as unknown as Json;
    },
    { concurrency: options.familiesAtOnce ?? 1, signal, until: "settled" },
  );
  if (!signal.aborted) onBatch?.(batch.set, "over");
}

/** What images ended with is in the result. */
function report(event: ImportEvent, { progress }: JobContext): void {
  if (event.type === "layer") progress({ ...event });
}

export function jobsOf(families: readonly Family[]): { id: string; data: Json; priority: number }[] {
  return families.map(({ id, images }, priority) => ({ id, data: { images } as unknown as Json, priority }));
}

/** Nothing when `signal` is aborted before the answer: the server may be away. */
async function untilAborted<T>(answer: Promise<readonly T[]>, signal: AbortSignal): Promise<readonly T[]> {
  if (signal.aborted) return [];
  const answered = new AbortController();
  const aborted = once(signal, "abort", { signal: answered.signal }).then(none, none);
  return Promise.race([answer, aborted]).finally(() => {
    answered.abort();
  });
}

function none(): readonly never[] {
  return [];
}

function noop(): void {
  // An abort ends the wait; what failed is thrown elsewhere.
}
