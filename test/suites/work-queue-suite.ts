/** The contract of driver/batch/queue/work-queue.ts, run against every implementation. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { StorageError } from "../../driver/base/errors.ts";
import type {
  Job,
  JobHandler,
  JobProgress,
  Json,
  NewJob,
  SettledJob,
  WorkOptions,
  WorkQueue,
} from "../../driver/batch/queue/work-queue.ts";

/** A process that has taken a job and will never finish it. */
export interface HangingWorker {
  /** By SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface WorkQueueFixture {
  /** Another worker of the queue of this name; 2 attempts, the second at once. Disposed of by the suite. */
  open(name: string): Promise<WorkQueue>;
  /** Resolves when the worker, in a process of its own, has a job of the queue. */
  startHangingWorker(name: string): Promise<HangingWorker>;
}

/** Tests of it share what `fixture` returns: queues have names that were never used before. */
export function workQueueSuite(name: string, fixture: () => WorkQueueFixture): void {
  describe(`work queue ${name}`, () => {
    const opened: WorkQueue[] = [];

    afterEach(async () => {
      for (const queue of opened.splice(0)) await queue[Symbol.asyncDispose]();
    });

    async function open(queue: string): Promise<WorkQueue> {
      const one = await fixture().open(queue);
      opened.push(one);
      return one;
    }

    /** "suite-…": as many workers as asked for, of a queue that is new. */
    async function openNew(workers: 1): Promise<readonly [WorkQueue]>;
    async function openNew(workers: 2): Promise<readonly [WorkQueue, WorkQueue]>;
    async function openNew(workers: number): Promise<readonly WorkQueue[]> {
      const queue = newName();
      return Promise.all(Array.from({ length: workers }, () => open(queue)));
    }

    it("every job is done once, by whichever worker, and everyone hears its result", async () => {
      const [first, second] = await openNew(2);
      const ids = Array.from({ length: 20 }, (_, at) => `sha256:${String(at)}`);
      await first.add(ids.map((id, at) => job(id, { at })));
      const done: string[] = [];
      const handler: JobHandler = ({ id, data }) => {
        done.push(id);
        return Promise.resolve({ seen: data });
      };
      await Promise.all([first.work(handler, settling(3)), second.work(handler, settling(3))]);
      expect(done.sort()).toEqual(ids.toSorted());
      for (const queue of [first, second]) {
        const settled = byId(await collect(queue));
        expect(settled.map(({ id }) => id)).toEqual(ids.toSorted());
        expect(settled.find(({ id }) => id === "sha256:7")).toMatchObject({
          status: "done",
          result: { seen: { at: 7 } },
        });
        for (const { worker } of settled) expect([first.worker, second.worker]).toContain(worker);
      }
    });

    it("the job with the smallest priority comes first, of equals the one added first", async () => {
      const [queue] = await openNew(1);
      await queue.add([job("late", null, 9), job("a", null, 3), job("b", null, 3), job("early", null, 0)]);
      const order: string[] = [];
      await queue.work(({ id }) => {
        order.push(id);
        return Promise.resolve(null);
      }, settling(1));
      expect(order).toEqual(["early", "a", "b", "late"]);
    });

    it("adding an ID that is there changes nothing, also when it has settled", async () => {
      const [queue] = await openNew(1);
      const seen: Json[] = [];
      const handler: JobHandler = ({ data }) => {
        seen.push(data);
        return Promise.resolve(data);
      };
      await queue.add([job("one", 1), job("one", 2)]);
      await queue.work(handler, settling(1));
      await queue.add([job("one", 3)]);
      await queue.work(handler, settling(1));
      expect(seen).toEqual([1]);
      expect(await collect(queue)).toMatchObject([{ id: "one", result: 1 }]);
    });

    it("no more jobs are under way at once than the worker asked for", async () => {
      const [queue] = await openNew(1);
      await queue.add(Array.from({ length: 9 }, (_, at) => job(String(at))));
      let now = 0;
      let most = 0;
      const bothHere = new EventTarget();
      const met = once(bothHere, "two");
      await queue.work(async () => {
        most = Math.max(most, ++now);
        if (now === 2) bothHere.dispatchEvent(new Event("two"));
        await met;
        now--;
        return null;
      }, settling(2));
      expect(most).toBe(2);
    });

    it("a handler that throws is called again, and what fails at every attempt is settled as failed", async () => {
      const [queue] = await openNew(1);
      await queue.add([job("flaky"), job("broken")]);
      const attempts: string[] = [];
      await queue.work(({ id, attempt }) => {
        attempts.push(`${id} ${attempt}`);
        if (id === "broken" || attempt === 1) throw new StorageError("ERR_UNAVAILABLE", `cannot do ${id}: no`);
        return Promise.resolve("well");
      }, settling(1));
      expect(attempts.sort()).toEqual(["broken 1", "broken 2", "flaky 1", "flaky 2"]);
      expect(byId(await collect(queue))).toMatchObject([
        { id: "broken", status: "failed", error: { code: "ERR_UNAVAILABLE", message: "cannot do broken: no" } },
        { id: "flaky", status: "done", result: "well" },
      ]);
    });

    it("what a worker that stops has under way is given back, and done by another at the same attempt", async () => {
      const [first, second] = await openNew(2);
      await first.add([job("long")]);
      const stop = new AbortController();
      await first.work(
        async (_, { signal }) => {
          stop.abort();
          if (!signal.aborted) await once(signal, "abort");
          throw new Error("stopped");
        },
        { concurrency: 1, signal: stop.signal, until: "settled" },
      );
      const jobs: Job[] = [];
      await second.work((taken) => {
        jobs.push(taken);
        return Promise.resolve("done by the other");
      }, settling(1));
      expect(jobs).toMatchObject([{ id: "long", attempt: 1 }]);
      expect(await collect(second)).toMatchObject([{ id: "long", worker: second.worker, result: "done by the other" }]);
    });

    it("a worker without jobs waits for those that come, until it is stopped", async () => {
      const [worker, other] = await openNew(2);
      const stop = new AbortController();
      const done: string[] = [];
      const working = worker.work(
        ({ id }) => {
          done.push(id);
          return Promise.resolve(null);
        },
        { concurrency: 1, signal: stop.signal, until: "stopped" },
      );
      await other.add([job("first")]);
      await collect(other);
      await other.add([job("second")]);
      await collect(other);
      stop.abort();
      await working;
      expect(done).toEqual(["first", "second"]);
    });

    it("who waits for jobs hears of their progress while another worker is at them", async () => {
      const [worker, other] = await openNew(2);
      await worker.add([job("one")]);
      const heard: JobProgress[] = [];
      const bell = new EventTarget();
      const rung = once(bell, "heard");
      const working = worker.work(async (_, { progress }) => {
        progress({ layer: "sha256:1", done: 10 });
        await rung;
        return null;
      }, settling(1));
      const settled = await collect(other, (progress) => {
        heard.push(progress);
        bell.dispatchEvent(new Event("heard"));
      });
      await working;
      expect(heard[0]).toEqual({ id: "one", worker: worker.worker, event: { layer: "sha256:1", done: 10 } });
      expect(settled).toHaveLength(1);
    });

    it("waiting for jobs ends with its signal", async () => {
      const [queue] = await openNew(1);
      await queue.add([job("never")]);
      await expect(collect(queue, undefined, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    });

    it("queues of other names know nothing of each other's jobs", async () => {
      const [one] = await openNew(1);
      const [other] = await openNew(1);
      await one.add([job("same", "one")]);
      await other.add([job("same", "other")]);
      await one.work(({ data }) => Promise.resolve(data), settling(1));
      expect(await collect(one)).toMatchObject([{ result: "one" }]);
      const results: Json[] = [];
      await other.work(({ data }) => {
        results.push(data);
        return Promise.resolve(data);
      }, settling(1));
      expect(results).toEqual(["other"]);
    });

    it("the jobs of a worker that was killed are done by another", async () => {
      const queueName = newName();
      const queue = await open(queueName);
      await queue.add([job("orphan")]);
      const hanging = await fixture().startHangingWorker(queueName);
      const taken: string[] = [];
      const working = queue.work(({ id }) => {
        taken.push(id);
        return Promise.resolve("adopted");
      }, settling(1));
      await hanging.kill();
      await working;
      expect(taken).toEqual(["orphan"]);
      expect(await collect(queue)).toMatchObject([{ id: "orphan", worker: queue.worker, result: "adopted" }]);
    });
  });
}

function newName(): string {
  return `suite-${randomUUID()}`;
}

function job(id: string, data: Json = null, priority = 1): NewJob {
  return { id, data, priority };
}

function settling(concurrency: number): WorkOptions {
  return { concurrency, signal: new AbortController().signal, until: "settled" };
}

async function collect(
  queue: WorkQueue,
  onProgress?: (progress: JobProgress) => void,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly SettledJob[]> {
  const jobs: SettledJob[] = [];
  for await (const settled of queue.settled({ signal, onProgress })) jobs.push(settled);
  return jobs;
}

function byId(jobs: readonly SettledJob[]): readonly SettledJob[] {
  return jobs.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
