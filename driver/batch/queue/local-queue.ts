/**
 * The queue of one machine: jobs are rows of a journal, which all processes that work on the same store share. A lease is
 * the lock on a file of its worker's: it lasts as long as the worker lives, however that ends, and no clock is asked.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asStorageError } from "../../base/errors.ts";
import type { Database, Sql } from "../../metadata/database.ts";
import { type LockFile, openLocked } from "../../sys/lock-file.ts";
import type { JobRow } from "../journal/schema.ts";
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

export interface LocalQueueOptions extends QueueOptions {
  /** A journal; stays the caller's to close, after the queue. */
  readonly database: Database;
  /** For the locks of workers. Made if missing. */
  readonly workersDir: string;
  /** Queues of one name are one. */
  readonly name: string;
}

const pollMs = 50;

const nextChange = "(SELECT COALESCE(MAX(change), 0) + 1 FROM jobs WHERE queue = ?1)";

/** @throws {StorageError} by errno when `workersDir` cannot be used. */
export function openLocalQueue(options: LocalQueueOptions): WorkQueue {
  return new LocalQueue(options);
}

class LocalQueue implements WorkQueue {
  readonly worker: string = randomUUID();
  readonly #database: Database;
  readonly #workersDir: string;
  readonly #name: string;
  readonly #attempts: number;
  readonly #backoffMs: number;
  readonly #lock: LockFile | undefined;
  readonly #closing = new AbortController();
  readonly #working = new Set<Promise<void>>();

  constructor({ database, workersDir, name, attempts = 3, backoffMs = 1000 }: LocalQueueOptions) {
    this.#database = database;
    this.#workersDir = workersDir;
    this.#name = name;
    this.#attempts = attempts;
    this.#backoffMs = backoffMs;
    mkdirSync(workersDir, { recursive: true, mode: 0o700 });
    this.#lock = openLocked(this.#lockOf(this.worker), { nonBlocking: true });
  }

  add(jobs: readonly NewJob[]): Promise<void> {
    this.#database.write((sql) => {
      const last = sql.get<{ last: number | null }>(
        "SELECT MAX(position) AS last FROM jobs WHERE queue = ?",
        this.#name,
      );
      for (const [index, { id, data, priority }] of jobs.entries()) {
        sql.run(
          "INSERT INTO jobs (queue, id, data, priority, position, state, attempt) " +
            "VALUES (?, ?, ?, ?, ?, 'waiting', 1) ON CONFLICT DO NOTHING",
          ...[this.#name, id, JSON.stringify(data), priority, (last?.last ?? 0) + 1 + index],
        );
      }
    });
    return Promise.resolve();
  }

  async work(handler: JobHandler, { concurrency, signal, until }: WorkOptions): Promise<void> {
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    const running = new Set<Promise<void>>();
    const working = this.#workOn(handler, concurrency, until, stop, running).finally(() => Promise.all(running));
    const kept = working.catch(() => undefined);
    this.#working.add(kept);
    await working.finally(() => this.#working.delete(kept));
  }

  async #workOn(
    handler: JobHandler,
    concurrency: number,
    until: WorkOptions["until"],
    stop: AbortSignal,
    running: Set<Promise<void>>,
  ): Promise<void> {
    let failure: unknown;
    while (!stop.aborted) {
      if (failure !== undefined) throw asStorageError(failure);
      const job = running.size < concurrency ? this.#take() : undefined;
      if (job !== undefined) {
        const run = this.#run(job, handler, stop).catch((error: unknown) => {
          failure ??= error;
        });
        running.add(run);
        void run.finally(() => running.delete(run));
        continue;
      }
      if (running.size === 0 && until === "settled" && this.#unsettled() === 0) return;
      const woken = new AbortController();
      const pause = sleep(pollMs, undefined, { signal: AbortSignal.any([stop, woken.signal]) }).catch(() => undefined);
      await Promise.race([pause, ...running]);
      woken.abort();
    }
  }

  async *settled({ signal, onProgress }: SettledOptions): AsyncGenerator<SettledJob, void, undefined> {
    const yielded = new Set<string>();
    for (let heard = 0; ;) {
      signal.throwIfAborted();
      const isLast = this.#unsettled() === 0;
      const rows = this.#database.read((sql) =>
        sql.all<JobRow>("SELECT * FROM jobs WHERE queue = ? AND change > ? ORDER BY change", this.#name, heard),
      );
      for (const row of rows) {
        heard = row.change;
        if (row.state === "done" || row.state === "failed") {
          if (yielded.has(row.id)) continue;
          yielded.add(row.id);
          yield settledJob(row);
        } else if (row.progress !== null) {
          onProgress?.({ id: row.id, worker: row.worker ?? "", event: JSON.parse(row.progress) as Json });
        }
      }
      if (isLast) return;
      await sleep(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#working);
    // Whoever finds the file gone makes it again, and so knows that nobody holds it.
    rmSync(this.#lockOf(this.worker), { force: true });
    this.#lock?.[Symbol.dispose]();
  }

  #lockOf(worker: string): string {
    return join(this.#workersDir, `${worker}.lock`);
  }

  #unsettled(): number {
    return this.#database.read(
      (sql) =>
        sql.get<{ jobs: number }>(
          "SELECT COUNT(*) AS jobs FROM jobs WHERE queue = ? AND state IN ('waiting', 'active')",
          this.#name,
        )?.jobs ?? 0,
    );
  }

  #take(): Job | undefined {
    const find = (sql: Sql): JobRow | undefined =>
      sql.get<JobRow>(
        "SELECT * FROM jobs WHERE queue = ? AND state = 'waiting' AND not_before_ms <= ? " +
          "ORDER BY priority, position LIMIT 1",
        this.#name,
        Date.now(),
      );
    // Reading first spares others the writers' lock while there is nothing to do.
    if (this.#database.read(find) === undefined && !this.#takeFromDead()) return undefined;
    return this.#database.write((sql) => {
      const row = find(sql);
      if (row === undefined) return undefined;
      sql.run(
        "UPDATE jobs SET state = 'active', worker = ? WHERE queue = ? AND id = ?",
        ...[this.worker, this.#name, row.id],
      );
      return { id: row.id, data: JSON.parse(row.data) as Json, attempt: row.attempt };
    });
  }

  /** True when the jobs of a worker that is no more wait again. */
  #takeFromDead(): boolean {
    const workers = this.#database.read((sql) =>
      sql.all<{ worker: string }>(
        "SELECT DISTINCT worker FROM jobs WHERE queue = ? AND state = 'active' AND worker <> ?",
        ...[this.#name, this.worker],
      ),
    );
    let found = false;
    for (const { worker } of workers) {
      using lock = openLocked(this.#lockOf(worker), { nonBlocking: true });
      if (lock === undefined) continue;
      found = true;
      this.#database.write((sql) =>
        sql.run(
          "UPDATE jobs SET state = 'waiting', worker = NULL WHERE queue = ? AND state = 'active' AND worker = ?",
          ...[this.#name, worker],
        ),
      );
      rmSync(this.#lockOf(worker), { force: true });
    }
    return found;
  }

  async #run(job: Job, handler: JobHandler, stop: AbortSignal): Promise<void> {
    const own = "queue = ?1 AND id = ?2 AND state = 'active' AND worker = ?3";
    const update = (set: string, ...values: readonly (string | number | null)[]): void => {
      this.#database.write((sql) =>
        sql.run(`UPDATE jobs SET ${set} WHERE ${own}`, this.#name, job.id, this.worker, ...values),
      );
    };
    try {
      const progress = (event: Json): void => {
        update(`progress = ?4, change = ${nextChange}`, JSON.stringify(event));
      };
      const result = await handler(job, { signal: stop, progress });
      update(`state = 'done', result = ?4, change = ${nextChange}`, JSON.stringify(result));
    } catch (error) {
      if (stop.aborted) {
        update("state = 'waiting', worker = NULL");
        return;
      }
      const { code, message } = asStorageError(error);
      const failed = `error = ?4, change = ${nextChange}`;
      if (job.attempt >= this.#attempts) {
        update(`state = 'failed', ${failed}`, JSON.stringify({ code, message }));
        return;
      }
      const notBeforeMs = Math.round(Date.now() + this.#backoffMs * 2 ** (job.attempt - 1));
      update(
        `state = 'waiting', worker = NULL, attempt = attempt + 1, not_before_ms = ?5, ${failed}`,
        ...[JSON.stringify({ code, message }), notBeforeMs],
      );
    }
  }
}

function settledJob({ id, worker, state, result, error }: JobRow): SettledJob {
  const by = worker ?? "";
  if (state === "done") return { id, worker: by, status: "done", result: JSON.parse(result ?? "null") as Json };
  const { code, message } = JSON.parse(error ?? "{}") as Extract<SettledJob, { status: "failed" }>["error"];
  return { id, worker: by, status: "failed", error: { code, message } };
}
