/** What a host says in its answers of the requests that it will still take. */
import type { IncomingHttpHeaders } from "node:http";

export interface RateLimit {
  readonly remaining: number;
  /** Until there are more. */
  readonly resetMs: number;
}

/** A reset beyond this is a date, not a number of seconds. */
const firstEpochSeconds = 1_000_000_000;

/**
 * From `RateLimit-Remaining` and `RateLimit-Reset`, with or without X-, or from `RateLimit` in either form that the
 * IETF's drafts had. Undefined unless it says both: Docker Hub's remaining alone says nothing of when to come again.
 */
export function rateLimitOf(headers: IncomingHttpHeaders, nowMs: number = Date.now()): RateLimit | undefined {
  const text = (name: string): string => String(headers[name] ?? "").slice(0, 1000);
  const whole = text("ratelimit");
  const remaining =
    numberIn(text("ratelimit-remaining")) ??
    numberIn(text("x-ratelimit-remaining")) ??
    numberIn(/(?:^|[;,\s])(?:r|remaining)=([0-9]+)/.exec(whole)?.[1]);
  const reset =
    numberIn(text("ratelimit-reset")) ??
    numberIn(text("x-ratelimit-reset")) ??
    numberIn(/(?:^|[;,\s])(?:t|reset)=([0-9]+)/.exec(whole)?.[1]);
  if (remaining === undefined || reset === undefined) return undefined;
  const seconds = reset >= firstEpochSeconds ? reset - nowMs / 1000 : reset;
  return { remaining, resetMs: Math.max(0, seconds * 1000) };
}

/** The number that a field begins with: "76;w=21600" is 76. */
function numberIn(text: string | undefined): number | undefined {
  const digits = /^\s*([0-9]{1,10})(?![0-9])/.exec(text ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}
