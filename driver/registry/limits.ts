/** How hard one host is asked: so many transfers each way at once, so many requests a second, none while it wants a pause. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RateLimit } from "./rate-limit.ts";
import { Slots } from "./slots.ts";

export interface LimitOptions {
  /** Each way: what is sent never waits for what is fetched, which it may be made of. */
  readonly transfersAtOnce: number;
  /** Requests begun, at most, evenly spread; undefined for as many as come. */
  readonly requestsPerSecond?: number | undefined;
  /** No pause is longer, whatever the host wants. */
  readonly longestPauseMs: number;
}

/** With so few requests left it is better to go slowly than to be sent away. */
const fewRequests = 10;
/** Parts of blobs that wait in memory for those before them. */
const partsAhead = 6;

export class HostLimits {
  readonly downloads: Slots;
  readonly uploads: Slots;
  /** Held by each part of a blob that arrives before its turn, until it is read. */
  readonly ahead: Slots = new Slots(partsAhead);
  readonly #longestPauseMs: number;
  readonly #spacingMs: number;
  #pausedUntilMs = 0;
  #nextMs = 0;
  /** While the host says how many requests it will still take. */
  #sparing = { untilMs: 0, spacingMs: 0 };

  constructor({ transfersAtOnce, requestsPerSecond, longestPauseMs }: LimitOptions) {
    this.downloads = new Slots(transfersAtOnce);
    this.uploads = new Slots(transfersAtOnce);
    this.#longestPauseMs = longestPauseMs;
    this.#spacingMs = requestsPerSecond === undefined ? 0 : 1000 / requestsPerSecond;
  }

  /** Nobody asks the host again before that. False, and no pause, for one that is longer than anyone waits. */
  pause(ms: number): boolean {
    if (ms > this.#longestPauseMs) return false;
    // Not all of many clients at the same moment.
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, performance.now() + ms * (1 + Math.random() / 10));
    return true;
  }

  /** What an answer says of the requests that are left: those are spread over the time they have to last for. */
  observe({ remaining, resetMs }: RateLimit): void {
    if (remaining >= fewRequests || resetMs > this.#longestPauseMs) return;
    if (remaining === 0) this.pause(resetMs);
    else this.#sparing = { untilMs: performance.now() + resetMs, spacingMs: resetMs / remaining };
  }

  /** Resolves when the next request may begin. @throws the signal's reason. */
  async turn(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const nowMs = performance.now();
      const untilMs = Math.max(this.#pausedUntilMs, this.#nextMs);
      if (untilMs <= nowMs) {
        const spacingMs = this.#sparing.untilMs > nowMs ? this.#sparing.spacingMs : 0;
        this.#nextMs = nowMs + Math.max(this.#spacingMs, spacingMs);
        return;
      }
      await sleep(untilMs - nowMs, undefined, signal && { signal });
    }
  }
}
