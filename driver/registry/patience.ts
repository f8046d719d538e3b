/** When to try again, and when not any more. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Patience {
  /** Tries in a row without progress. */
  readonly attempts: number;
  /** The first pause is about so long, each further one twice the last. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** A host that asks for a longer pause than this is given up. */
  readonly longestRetryAfterMs: number;
  /** A silence of this length is a broken connection. */
  readonly stallTimeoutMs: number;
}

export const defaultPatience: Patience = {
  attempts: 6,
  firstPauseMs: 250,
  longestPauseMs: 15_000,
  longestRetryAfterMs: 120_000,
  stallTimeoutMs: 30_000,
};

/** Before try number `failed` + 1; random, so that many clients do not come back together. */
export function pauseMs({ firstPauseMs, longestPauseMs }: Patience, failed: number): number {
  const most = Math.min(longestPauseMs, firstPauseMs * 2 ** (failed - 1));
  return most * (0.5 + Math.random() / 2);
}

export async function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal && { signal });
}
