/** What is measured of a snapshotter, whatever is behind it. */
import type { ServedSnapshotter } from "../../driver/plugin/snapshots-service.ts";

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface SnapshotterFigures {
  readonly calls: Readonly<Record<string, Latency>>;
  readonly thousandMs: number;
  readonly listMs: number;
}

const levels = 10;
const rounds = 300;

/** Keeps what containerd makes from its garbage collector. */
const kept = { labels: { "containerd.io/gc.root": "bench" } };

/** Leaves snapshots behind, all with names that begin with `prefix`. */
export async function measureSnapshotter(
  snapshotter: ServedSnapshotter,
  prefix: string,
  listed: number,
): Promise<SnapshotterFigures> {
  let parent = "";
  for (let level = 0; level < levels; level++) {
    await snapshotter.prepare(`${prefix}active-${level}`, parent, kept);
    parent = `${prefix}layer-${level}`;
    await snapshotter.commit(parent, `${prefix}active-${level}`, kept);
  }

  const samples = { Stat: [] as number[], Prepare: [] as number[], Mounts: [] as number[], Remove: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const key = `${prefix}round-${round}`;
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
    calls: Object.fromEntries(Object.entries(samples).map(([what, values]) => [what, latencyOf(values)])),
    thousandMs,
    listMs,
  };
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await call();
  return performance.now() - startMs;
}

function latencyOf(values: readonly number[]): Latency {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
