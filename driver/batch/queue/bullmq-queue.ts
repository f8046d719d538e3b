/**
 * The queue of many machines: BullMQ on a Redis server that all of them reach. A lease is BullMQ's lock on a job, renewed
 * while its worker lives; the jobs of a worker that has died wait again when it has run out.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Job as BullmqJob, Queue, Worker } from "bullmq";
import { asStorageError, type ErrorCode, errorCodes } from "../../base/errors.ts";
import { connectQueueServer, type QueueServer } from "./bullmq-connection.ts";
import type {
  Job,
  JobHandler,
  Json,
  NewJob,
  QueueOptions,
  SettledJob,
  SettledOptions,
  WorkOptions,
  WorkQueue,
} from "./work-queue.ts";

export interface BullmqQueueOptions extends QueueOptions {
  /** As connectQueueServer takes it. */
  readonly url: string;
  /** Queues of one name are one. */
  readonly name: string;
  /** How long a worker may be silent before its jobs are given to others; 30 000 by default. */
  readonly leaseMs?: number | undefined;
}

/** Of all keys in Redis that are ours. */
export const keyPrefix = "laminate";

const pollMs = 200;
/** What waits for a server that is away ends after this when it is to stop. */
const stopPatienceMs = 5000;
const jobsAtOnce = 500;
/** BullMQ's largest. */
const mostPriority = 2 ** 21;
/** A job whose workers die so often is what they die of. */
const mostDeaths = 5;

/** @throws {StorageError} as connectQueueServer. */
export async function openBullmqQueue(options: BullmqQueueOptions): Promise<WorkQueue> {
  return new BullmqQueue(await connectQueueServer(options.url), options);
}

/** With all its jobs and what became of them. */
export async function removeBullmqQueue({ bullmq, redis }: QueueServer, name: string): Promise<void> {
  const queue = new bullmq.Queue(encode(name), { connection: redis, prefix: keyPrefix });
  queue.on("error", ignore);
  try {
    await queue.obliterate({ force: true });
  } finally {
    await queue.close().catch(ignore);
  }
}

class BullmqQueue implements WorkQueue {
  readonly worker: string = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  readonly #server: QueueServer;
  readonly #queue: Queue;
  readonly #options: Required<{ [name in "attempts" | "backoffMs" | "leaseMs"]: number }>;
  readonly #closing = new AbortController();
  readonly #working = new Set<Promise<void>>();

  constructor(server: QueueServer, { name, attempts = 3, backoffMs = 1000, leaseMs = 30_000 }: BullmqQueueOptions) {
    this.#server = server;
    this.#options = { attempts, backoffMs, leaseMs };
    this.#queue = new server.bullmq.Queue(encode(name), { connection: server.redis, prefix: keyPrefix });
    this.#queue.on("error", ignore);
  }

  async add(jobs: readonly NewJob[]): Promise<void> {
    const { attempts, backoffMs } = this.#options;
    for (let at = 0; at < jobs.length; at += jobsAtOnce) {
      await this.#queue.addBulk(
        jobs.slice(at, at + jobsAtOnce).map(({ id, data, priority }) => ({
          name: "job",
          data,
          opts: {
            jobId: encode(id),
            priority: Math.min(priority, mostPriority),
            attempts,
            ...(backoffMs > 0 && { backoff: { type: "exponential", delay: backoffMs } }),
          },
        })),
      );
    }
  }

  async work(handler: JobHandler, options: WorkOptions): Promise<void> {
    const working = this.#workOn(handler, options);
    const kept = working.catch(ignore);
    this.#working.add(kept);
    await working.finally(() => this.#working.delete(kept));
  }

  async #workOn(handler: JobHandler, { concurrency, signal, until }: WorkOptions): Promise<void> {
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    if (stop.aborted) return;
    const lost = new Map<string, AbortController>();
    const { leaseMs } = this.#options;
    const worker: Worker = new this.#server.bullmq.Worker(
      this.#queue.name,
      (job, token) => this.#run(job, token, handler, stop, lost),
      {
        ...{ connection: this.#server.redis, prefix: keyPrefix, name: this.worker, concurrency },
        ...{ lockDuration: leaseMs, stalledInterval: Math.ceil(leaseMs / 4), maxStalledCount: mostDeaths },
        ...{ drainDelay: 1, runRetryDelay: 500 },
      },
    );
    worker.on("error", ignore);
    // Somebody else has it: what is done here would be done twice.
    worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) lost.get(id)?.abort(new Error("the lease of the job ran out"));
    });
    while (!stop.aborted) {
      if (until === "settled" && (await this.#until(stop, this.#unsettled())) === 0) break;
      await sleep(pollMs, undefined, { signal: stop }).catch(ignore);
    }
    const closed = worker.close();
    const isServed = this.#server.redis.status === "ready";
    await (isServed ? closed : Promise.race([closed, sleep(stopPatienceMs)]));
  }

  async #run(
    job: BullmqJob,
    token: string | undefined,
    handler: JobHandler,
    stop: AbortSignal,
    lost: Map<string, AbortController>,
  ): Promise<unknown> {
    const id = job.id ?? "";
    const lease = new AbortController();
    lost.set(id, lease);
    // In order, and the latest only: what is overtaken while one is sent is left out.
    let next: Json | undefined;
    let sending: Promise<void> | undefined;
    const send = async (): Promise<void> => {
      for (; next !== undefined;) {
        const event = next;
        next = undefined;
        await job.updateProgress({ event }).catch(ignore);
      }
      sending = undefined;
    };
    const progress = (event: Json): void => {
      next = event;
      sending ??= send();
    };
    const taken: Job = { id: decode(id), data: job.data as Json, attempt: job.attemptsMade + 1 };
    try {
      const result = await handler(taken, { signal: AbortSignal.any([stop, lease.signal]), progress });
      next = undefined;
      await sending;
      return result;
    } catch (error) {
      if (stop.aborted && !lease.signal.aborted) {
        await job.moveToWait(token);
        throw new this.#server.bullmq.WaitingError();
      }
      const { code, message } = asStorageError(error);
      throw new Error(JSON.stringify({ code, message }), { cause: error });
    } finally {
      lost.delete(id);
    }
  }

  async *settled({ signal, onProgress }: SettledOptions): AsyncGenerator<SettledJob, void, undefined> {
    const yielded = new Set<string>();
    const heard = new Map<string, string>();
    for (;;) {
      const isLast = (await this.#until(signal, this.#unsettled())) === 0;
      signal.throwIfAborted();
      for (const state of ["completed", "failed"] as const) {
        for (const id of (await this.#until(signal, this.#queue.getRanges([state], 0, -1, true))) ?? []) {
          if (yielded.has(id)) continue;
          const job = await this.#until(signal, this.#queue.getJob(id));
          signal.throwIfAborted();
          yielded.add(id);
          if (job !== undefined) yield settledJob(job, state);
        }
      }
      if (isLast) return;
      if (onProgress !== undefined) {
        for (const { id = "", progress, processedBy = "" } of (await this.#until(signal, this.#queue.getActive())) ??
          []) {
          const event = typeof progress === "object" ? (progress as { readonly event?: Json }).event : undefined;
          const text = JSON.stringify(event);
          if (event === undefined || heard.get(id) === text) continue;
          heard.set(id, text);
          onProgress({ id: decode(id), worker: processedBy, event });
        }
      }
      await sleep(pollMs, undefined, { signal }).catch(ignore);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#working);
    await Promise.race([this.#queue.close().catch(ignore), sleep(stopPatienceMs, undefined, { ref: false })]);
    await this.#server[Symbol.asyncDispose]();
  }

  async #unsettled(): Promise<number> {
    return this.#queue.getJobCountByTypes("waiting", "active", "delayed", "prioritized");
  }

  /** What the server answers, or undefined when `signal` is aborted before: the server may be away. */
  async #until<T>(signal: AbortSignal, answer: Promise<T>): Promise<T | undefined> {
    if (signal.aborted) {
      answer.catch(ignore);
      return undefined;
    }
    const done = new AbortController();
    const aborted = once(signal, "abort", { signal: done.signal }).then(ignore, ignore);
    try {
      return (await Promise.race([answer, aborted])) ?? undefined;
    } catch (error) {
      throw asStorageError(error, `cannot use queue ${this.#server.shown}`);
    } finally {
      done.abort();
    }
  }
}

function settledJob(job: BullmqJob, state: "completed" | "failed"): SettledJob {
  const about = { id: decode(job.id ?? ""), worker: job.processedBy ?? "" };
  if (state === "completed") return { ...about, status: "done", result: job.returnvalue as Json };
  return { ...about, status: "failed", error: errorOf(job.failedReason) };
}

/** BullMQ keeps of an error its message. */
function errorOf(reason: string): { readonly code: ErrorCode; readonly message: string } {
  try {
    const { code, message } = JSON.parse(reason) as { code?: unknown; message?: unknown };
    const known = errorCodes.find((each) => each === code);
    if (known !== undefined && typeof message === "string") return { code: known, message };
  } catch {
    // BullMQ's own words.
  }
  return { code: "ERR_ABORTED", message: `cannot do job: ${reason}` };
}

/** BullMQ takes no colons in names and IDs, and no IDs that are numbers. */
function encode(text: string): string {
  return `_${encodeURIComponent(text)}`;
}

function decode(text: string): string {
  return decodeURIComponent(text.slice(1));
}

function ignore(): void {
  // What the server does not take is sent again, or shows in what it answers later.
}
