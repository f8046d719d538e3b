/** What is measured of a snapshotter, whatever is behind it. */
import type { ServedSnapshotter } from "../../driver/plugin/snapshots-service.ts";

export interface Latency {
  readonly minMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface SnapshotterFigures {
  /** "nothing" is the round trip of a call that does nothing. */
  readonly calls: Readonly<Record<"nothing" | "Stat" | "Prepare" | "Mounts" | "Remove", Latency>>;
  readonly thousandMs: number;
  readonly listMs: number;
}

const levels = 10;
const rounds = 300;

/** Keeps what containerd makes from its garbage collector. */
const kept = { labels: { "containerd.io/gc.root": "bench" } };

/**
 * Leaves snapshots behind, all with names that begin with `prefix`. `roundTrip` is a call to the same server that does
 * nothing.
 */
export async function measureSnapshotter(
  snapshotter: ServedSnapshotter,
  roundTrip: () => Promise<unknown>,
  prefix: string,
  listed: number,
): Promise<SnapshotterFigures> {
  let parent = "";
  for (let level = 0; level < levels; level++) {
    await snapshotter.prepare(`${prefix}active-${level}`, parent, kept);
    parent = `${prefix}layer-${level}`;
    await snapshotter.commit(parent, `${prefix}active-${level}`, kept);
  }

  const empty = (): number[] => [];
  const samples = { nothing: empty(), Stat: empty(), Prepare: empty(), Mounts: empty(), Remove: empty() };
  for (let round = 0; round < rounds; round++) {
    const key = `${prefix}round-${round}`;
    samples.nothing.push(await timed(roundTrip));
    samples.Stat.push(await timed(() => snapshotter.stat(parent)));
    samples.Prepare.push(await timed(() => snapshotter.prepare(key, parent, kept)));
    samples.Mounts.push(await timed(() => snapshotter.mounts(key)));
    samples.Remove.push(await timed(() => snapshotter.remove(key)));
  }

  const thousandMs = await timed(async () => {
    for (let count = 0; count < 1000; count++) await snapshotter.prepare(`${prefix}many-${count}`, parent, kept);
  });
  for (let count = 1000 + levels; count < listed; count++)
    await snapshotter.view(`${prefix}many-${count}`, parent, kept);
  let seen = 0;
  const listMs = await timed(async () => {
    for await (const _ of snapshotter.walk()) seen++;
  });
  if (seen < listed) throw new Error(`only ${seen} snapshots were listed`);
  return {
    calls: {
      nothing: latencyOf(samples.nothing),
      Stat: latencyOf(samples.Stat),
      Prepare: latencyOf(samples.Prepare),
      Mounts: latencyOf(samples.Mounts),
      Remove: latencyOf(samples.Remove),
    },
    thousandMs,
    listMs,
  };
}

export async function timed(call: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await call();
  return performance.now() - startMs;
}

export function latencyOf(values: readonly number[]): Latency {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { minMs: at(0), p50Ms: at(0.5), p99Ms: at(0.99) };
}
