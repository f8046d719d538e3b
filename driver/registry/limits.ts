/** How hard one host is asked: so many transfers at once, and none before the time it has told us to wait for. */
import { setTimeout as sleep } from "node:timers/promises";

export class HostLimits {
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #pausedUntilMs = 0;

  constructor(transfersAtOnce: number) {
    this.#free = transfersAtOnce;
  }

  /** Nobody asks the host again before that. */
  pause(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, performance.now() + ms);
  }

  async waitForPause(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const left = this.#pausedUntilMs - performance.now();
      if (left <= 0) return;
      await sleep(left, undefined, signal && { signal });
    }
  }

  /** One of the transfers at once; dispose of it when it is over. First come, first served. */
  async transfer(signal: AbortSignal | undefined): Promise<Disposable> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        const next = this.#waiting.shift();
        if (next === undefined) this.#free++;
        else next();
      },
    };
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal?.reason as Error);
      };
      const turn = (): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(turn);
    });
  }
}
