/**
 * Ranges of one blob that are fetched before their turn, each on a connection that nobody else wants: where a connection
 * has its own speed, several are faster. What fails here is no failure: it is fetched again when its turn comes.
 */
import type { HostLimits } from "./limits.ts";
import type { RangeOptions } from "./range-options.ts";

/** Bytes `from` to before `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

interface AheadRange extends Range {
  /** Arrived, and not read yet. */
  readonly chunks: Uint8Array[];
  /** Memory is bounded by what is held until it is read. */
  readonly held: Disposable;
  hasEnded: boolean;
  wake: () => void;
}

export interface AheadOptions {
  readonly sizeBytes: number;
  readonly ranges: RangeOptions;
  readonly limits: HostLimits;
  readonly signal: AbortSignal | undefined;
  /** The bytes of a range and no others; throws for a server that does not do ranges. */
  readonly fetch: (range: Range, signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

export class RangesAhead implements AsyncDisposable {
  readonly #options: AheadOptions;
  readonly #ranges = new Map<number, AheadRange>();
  readonly #running = new Set<Promise<void>>();
  readonly #over = new AbortController();
  #isWanted = false;

  constructor(options: AheadOptions) {
    this.#options = options;
  }

  /** From now on more connections are worth it. */
  want(): void {
    this.#isWanted = true;
  }

  /** From now on they are not: ranges do not work here. */
  giveUp(): void {
    this.#isWanted = false;
  }

  /** Where the next range begins that is on its way already, or the end. */
  endOfGap(at: number): number {
    return Math.min(this.#options.sizeBytes, ...[...this.#ranges.keys()].filter((from) => from > at));
  }

  /** As many as may be, from `at` on, where somebody reads or will. */
  fill(at: number): void {
    const { ranges, sizeBytes, limits, signal } = this.#options;
    let from = at;
    while (this.#isWanted && from < sizeBytes && this.#ranges.size < ranges.atOnce) {
      const known = this.#with(from);
      if (known !== undefined) {
        from = known.to;
        continue;
      }
      const ahead = limits.ahead.tryTake();
      const slot = ahead && limits.downloads.tryTake();
      if (ahead === undefined || slot === undefined) {
        ahead?.[Symbol.dispose]();
        return;
      }
      const to = Math.min(this.endOfGap(from), from + ranges.rangeBytes);
      const range: AheadRange = { from, to, chunks: [], held: ahead, hasEnded: false, wake: () => undefined };
      this.#ranges.set(from, range);
      const either = signal === undefined ? this.#over.signal : AbortSignal.any([signal, this.#over.signal]);
      const running = this.#fetch(range, slot, either).finally(() => {
        this.#running.delete(running);
        range.hasEnded = true;
        range.wake();
      });
      this.#running.add(running);
      from = to;
    }
  }

  #with(at: number): AheadRange | undefined {
    for (const range of this.#ranges.values()) if (range.from <= at && at < range.to) return range;
    return undefined;
  }

  async #fetch(range: AheadRange, slot: Disposable, signal: AbortSignal): Promise<void> {
    using _slot = slot;
    try {
      for await (const chunk of this.#options.fetch(range, signal)) {
        range.chunks.push(chunk);
        range.wake();
      }
    } catch {
      // Whose turn it is fetches the rest, and meets what is wrong.
    }
  }

  /** What has come of the range that begins at `at`, as it comes; nothing where there is none. */
  async *read(at: number): AsyncGenerator<Uint8Array, void, undefined> {
    const range = this.#ranges.get(at);
    if (range === undefined) return;
    try {
      for (;;) {
        const chunk = range.chunks.shift();
        if (chunk !== undefined) yield chunk;
        else if (range.hasEnded) return;
        else {
          await new Promise<void>((resolve) => {
            range.wake = resolve;
          });
        }
      }
    } finally {
      this.#ranges.delete(at);
      range.held[Symbol.dispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isWanted = false;
    this.#over.abort();
    await Promise.all(this.#running);
    for (const { held } of this.#ranges.values()) held[Symbol.dispose]();
  }
}
