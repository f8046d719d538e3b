/** Times that images are given. */
import { StorageError } from "../base/errors.ts";
import { clockRealtimeNs } from "../sys/linux.ts";

const nsPerSecond = 1_000_000_000n;
const maxSeconds = 253_402_300_799n;

/**
 * $SOURCE_DATE_EPOCH, if set (reproducible-builds.org/specs/source-date-epoch).
 * @throws {StorageError} ERR_INVALID_ARGUMENT when it is not a number of seconds.
 */
export function sourceDateEpoch(value: string | undefined = process.env["SOURCE_DATE_EPOCH"]): bigint | undefined {
  if (value === undefined || value === "") return undefined;
  if (/^[0-9]{1,12}$/.test(value) && BigInt(value) <= maxSeconds) return BigInt(value);
  throw new StorageError(
    "ERR_INVALID_ARGUMENT",
    `cannot use SOURCE_DATE_EPOCH ${JSON.stringify(value)}: it is not a number of seconds since 1970`,
  );
}

/** RFC 3339 as Go writes it (time.RFC3339Nano): of `epoch` in whole seconds, of now with as many decimals as it takes. */
export function createdTime(epoch: bigint | undefined, nowNs: bigint = clockRealtimeNs()): string {
  const seconds = epoch ?? nowNs / nsPerSecond;
  const text = new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/, "");
  const decimals =
    epoch === undefined
      ? String(nowNs % nsPerSecond)
          .padStart(9, "0")
          .replace(/0+$/, "")
      : "";
  return decimals === "" ? `${text}Z` : `${text}.${decimals}Z`;
}
