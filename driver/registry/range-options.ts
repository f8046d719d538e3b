/** When a blob is fetched in ranges, several at once. */
export interface RangeOptions {
  /** Blobs with fewer bytes to come are fetched in one piece. */
  readonly leastBytes: number;
  /** Of one range; so many may wait in memory for those before them. */
  readonly rangeBytes: number;
  /** Of one blob, at most. */
  readonly atOnce: number;
  /** What one connection has to be slower than, in bytes a second, before there are more. */
  readonly slowBytesPerSecond: number;
}

export const defaultRanges: RangeOptions = {
  leastBytes: 32 * 1024 * 1024,
  rangeBytes: 8 * 1024 * 1024,
  atOnce: 4,
  slowBytesPerSecond: 50_000_000,
};
