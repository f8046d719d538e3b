/** Points in time as `--since` takes them. */
import { UsageError } from "./errors.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * "10m", "1h30m" ago, RFC 3339, or seconds since 1970. Returns milliseconds since 1970.
 * @throws {UsageError}
 */
export function parseTime(option: string, text: string, now: Date): number {
  if (/^(?:[0-9.]+(?:ms|[smhd]))+$/.test(text)) {
    const parts = [...text.matchAll(/([0-9.]+)(ms|[smhd])/g)];
    return now.getTime() - parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ""] ?? 0), 0);
  }
  const time = /^[0-9.]+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time)) throw new UsageError(`option ${option} is a time or a duration, not ${JSON.stringify(text)}`);
  return time;
}

/** @throws {UsageError} */
export function parseCount(option: string, text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new UsageError(`option ${option} is a number, not ${JSON.stringify(text)}`);
  return Number(text);
}
