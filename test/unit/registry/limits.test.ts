import { describe, expect, it } from "vitest";
import { HostLimits } from "../../../driver/registry/limits.ts";
import { rateLimitOf } from "../../../driver/registry/rate-limit.ts";
import { Slots } from "../../../driver/registry/slots.ts";

describe("rateLimitOf", () => {
  const nowMs = 1_700_000_000_000;

  it("reads what is left and until when, in each way that hosts say it", () => {
    const left = { remaining: 3, resetMs: 20_000 };
    for (const headers of [
      { "ratelimit-remaining": "3", "ratelimit-reset": "20" },
      { "ratelimit-remaining": "3;w=60", "ratelimit-reset": "20" },
      { "x-ratelimit-remaining": "3", "x-ratelimit-reset": "1700000020" },
      { ratelimit: "limit=100, remaining=3, reset=20" },
      { ratelimit: '"default";r=3;t=20' },
    ]) {
      expect(rateLimitOf(headers, nowMs)).toEqual(left);
    }
  });

  it("says nothing where the host does not say when there will be more, or says nonsense", () => {
    for (const headers of [
      {},
      { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600" },
      { "ratelimit-remaining": "many", "ratelimit-reset": "20" },
      { "ratelimit-remaining": "-1", "ratelimit-reset": "20" },
      { "ratelimit-remaining": "99999999999999999999", "ratelimit-reset": "1" },
    ]) {
      expect(rateLimitOf(headers, nowMs)).toBeUndefined();
    }
    expect(rateLimitOf({ "ratelimit-remaining": "0", "ratelimit-reset": "1600000000" }, nowMs)?.resetMs).toBe(0);
  });
});

describe("HostLimits", () => {
  const options = { transfersAtOnce: 2, longestPauseMs: 60_000 };

  /** Whether the next request has to wait, which the signal then ends. */
  async function waits(limits: HostLimits): Promise<boolean> {
    const given = new AbortController();
    const turn = limits.turn(given.signal).then(
      () => false,
      () => true,
    );
    // What need not wait has come by then.
    await new Promise(setImmediate);
    given.abort();
    return turn;
  }

  it("lets nobody ask during a pause, and refuses one that is longer than anyone waits", async () => {
    const limits = new HostLimits(options);
    expect(await waits(limits)).toBe(false);
    expect(limits.pause(60_001)).toBe(false);
    expect(await waits(limits)).toBe(false);
    expect(limits.pause(50_000)).toBe(true);
    expect(await waits(limits)).toBe(true);
  });

  it("begins so many requests a second", async () => {
    const limits = new HostLimits({ ...options, requestsPerSecond: 0.01 });
    expect(await waits(limits)).toBe(false);
    expect(await waits(limits)).toBe(true);
  });

  it("waits when no requests are left, spreads the last few, and does not mind while there are many", async () => {
    const none = new HostLimits(options);
    none.observe({ remaining: 0, resetMs: 50_000 });
    expect(await waits(none)).toBe(true);
    const few = new HostLimits(options);
    few.observe({ remaining: 2, resetMs: 50_000 });
    expect([await waits(few), await waits(few)]).toEqual([false, true]);
    const many = new HostLimits(options);
    many.observe({ remaining: 100, resetMs: 50_000 });
    many.observe({ remaining: 0, resetMs: 100_000_000 });
    expect([await waits(many), await waits(many)]).toEqual([false, false]);
  });
});

describe("Slots", () => {
  it("gives what is free at once, the rest in order, and nothing to who has gone", async () => {
    const slots = new Slots(1);
    const first = await slots.take(undefined);
    expect(slots.tryTake()).toBeUndefined();
    const given = new AbortController();
    const gone = slots.take(given.signal);
    const order: string[] = [];
    const second = slots.take(undefined).then((slot) => {
      order.push("second");
      slot[Symbol.dispose]();
    });
    given.abort(new Error("gone"));
    await expect(gone).rejects.toThrow("gone");
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await second;
    expect(order).toEqual(["second"]);
    const again = slots.tryTake();
    expect(again).toBeDefined();
    expect(slots.tryTake()).toBeUndefined();
  });
});
