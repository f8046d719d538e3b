/**
 * queue/ shares work out: jobs with an ID go in, whoever works takes them, everyone who asks hears what became of them.
 * One queue is the work of one batch. Its implementations are held to test/suites/work-queue-suite.ts.
 */
import type { ErrorCode } from "../../base/errors.ts";

/** What goes through a queue: it may cross processes and machines. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export interface NewJob {
  /** Any text; the same ID is the same work. */
  readonly id: string;
  readonly data: Json;
  /** From 0 on; the smallest is taken first, of equals the one that was added first. */
  readonly priority: number;
}

export interface Job {
  readonly id: string;
  readonly data: Json;
  /** 1 for the first time. A job that was given back, or whose worker died, keeps its number. */
  readonly attempt: number;
}

export interface JobContext {
  /** Aborted when the worker is to stop: a handler that throws then gives its job back. */
  readonly signal: AbortSignal;
  /** For those who wait in {@link WorkQueue.settled}: best effort, in order, the latest matters. Small. */
  readonly progress: (event: Json) => void;
}

/** Returns the job's result. May be called again for the same job, here or elsewhere: at least once is what is promised. */
export type JobHandler = (job: Job, context: JobContext) => Promise<Json>;

export interface WorkOptions {
  /** Jobs at once. */
  readonly concurrency: number;
  /** Gives back what is under way, and ends the work. */
  readonly signal: AbortSignal;
  /**
   * "settled": the work ends when no job of the queue waits or is under way, here or elsewhere. "stopped": it ends with the
   * signal only, as more jobs may come.
   */
  readonly until: "settled" | "stopped";
}

export type SettledJob = { readonly id: string; readonly worker: string } & (
  | { readonly status: "done"; readonly result: Json }
  | { readonly status: "failed"; readonly error: { readonly code: ErrorCode; readonly message: string } }
);

export interface JobProgress {
  readonly id: string;
  readonly worker: string;
  readonly event: Json;
}

export interface SettledOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
}

/** Disposing ends its work as an abort does, and leaves the jobs to others. */
export interface WorkQueue extends AsyncDisposable {
  /** Of this worker, in what {@link settled} says. */
  readonly worker: string;
  /** IDs that are there already, settled or not, are left as they are. Durable when this resolves. */
  add(jobs: readonly NewJob[]): Promise<void>;
  /**
   * Takes jobs and gives them to `handler`. While it is at work its lease is kept; the jobs of a worker that has died are
   * taken by others. A handler that throws fails its attempt: the job is tried again, by anyone, up to the attempts that
   * the queue was opened with, and is then settled as failed. Resolves, never rejects, when the signal is aborted.
   * @throws {StorageError} ERR_UNAVAILABLE when the queue cannot be reached.
   */
  work(handler: JobHandler, options: WorkOptions): Promise<void>;
  /**
   * Each of the jobs once when it has settled, those that have already first; ends when all jobs that were added have.
   * @throws {StorageError} as {@link work}; the signal's reason.
   */
  settled(options: SettledOptions): AsyncIterable<SettledJob>;
}

export interface QueueOptions {
  /** How often a job is tried before it counts as failed; 3 by default. */
  readonly attempts?: number | undefined;
  /** From a failed attempt to the next, at first; doubled each time. 1000 by default. */
  readonly backoffMs?: number | undefined;
}
