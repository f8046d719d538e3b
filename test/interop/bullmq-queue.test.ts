/** The queue of many machines, against Debian's redis-server. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBullmqQueue } from "../../driver/batch/queue/bullmq-queue.ts";
import type { SettledJob, WorkQueue } from "../../driver/batch/queue/work-queue.ts";
import { RedisFixture } from "../fixtures/redis.ts";
import { needPrograms } from "../need.ts";
import { workQueueSuite } from "../suites/work-queue-suite.ts";

describe.skipIf(needPrograms("redis-server").missing)("openBullmqQueue", () => {
  let folder = "";
  let redis: RedisFixture;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "laminate-redis-"));
    redis = await RedisFixture.start(join(folder, "redis"));
  });

  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  // Long enough for a machine that is busy with other things; that of the worker to be killed is short.
  const open = (name: string): Promise<WorkQueue> =>
    openBullmqQueue({ url: redis.url, name, attempts: 2, backoffMs: 0, leaseMs: 8000 });

  workQueueSuite("of many machines", () => ({
    open,
    startHangingWorker: async (name) => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "bullmq-queue.child.ts"), redis.url, name], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      return {
        kill: async () => {
          const ended = once(child, "exit");
          child.kill("SIGKILL");
          await ended;
        },
      };
    },
  }));

  it("keeps jobs, results and leases while Redis is killed and started again", async () => {
    await using queue = await openBullmqQueue({ url: redis.url, name: "restart" });
    await using other = await openBullmqQueue({ url: redis.url, name: "restart" });
    await queue.add(["a", "b", "c"].map((id) => ({ id, data: id, priority: 1 })));
    const done: string[] = [];
    const { signal } = new AbortController();
    const bell = new EventTarget();
    const underWay = once(bell, "b");
    const back = once(bell, "back");
    const working = queue.work(
      async ({ id }) => {
        if (id === "b") {
          bell.dispatchEvent(new Event("b"));
          await back;
        }
        done.push(id);
        return id;
      },
      { concurrency: 1, signal, until: "settled" },
    );
    const heard: SettledJob[] = [];
    const hearing = (async () => {
      for await (const job of other.settled({ signal })) heard.push(job);
    })();
    await underWay;
    await redis.kill();
    await redis.start();
    bell.dispatchEvent(new Event("back"));
    await Promise.all([working, hearing]);
    expect(done).toEqual(["a", "b", "c"]);
    expect(heard.map(({ id, status }) => `${id} ${status}`).sort()).toEqual(["a done", "b done", "c done"]);
  });

  it("stops though Redis is away", async () => {
    await using queue = await openBullmqQueue({ url: redis.url, name: "away" });
    await queue.add([{ id: "never", data: null, priority: 1 }]);
    const stop = new AbortController();
    const listening = (async () => {
      for await (const _ of queue.settled({ signal: stop.signal }));
    })();
    await redis.kill();
    stop.abort(new Error("enough"));
    await expect(listening).rejects.toThrow("enough");
    await queue[Symbol.asyncDispose]();
    await redis.start();
  });

  it("says what is wrong with an address, and never its password", async () => {
    for (const [url, code] of [
      ["redis://me:s3cret@127.0.0.1:1/2", "ERR_UNAVAILABLE"],
      ["rediss://:s3cret@127.0.0.1:1", "ERR_UNAVAILABLE"],
      ["http://me:s3cret@127.0.0.1:1", "ERR_INVALID_ARGUMENT"],
      ["redis://me:s3cret@127.0.0.1:1/x", "ERR_INVALID_ARGUMENT"],
      ["s3cret", "ERR_INVALID_ARGUMENT"],
      [join(folder, "none.sock"), "ERR_UNAVAILABLE"],
    ] as const) {
      const error: unknown = await openBullmqQueue({ url, name: "x" }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code, message: expect.stringContaining("cannot use queue") as string });
      expect((error as Error).message).not.toContain("s3cret");
    }
  });
});
