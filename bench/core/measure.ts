/** Benchmark.js as used here: suites in rounds, the median of all samples, MB/s (1 MB = 10^6 bytes). */
import Benchmark from "benchmark";

export interface Contender {
  readonly name: string;
  /** Bytes that count per run. */
  readonly bytes: number;
  readonly run: () => unknown;
}

/** How a contender did. */
export interface Figure {
  readonly name: string;
  readonly megabytesPerSecond: number;
  /** Per second of processor time, all threads of the process together: steadier where others use the machine too. */
  readonly megabytesPerCpuSecond: number;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** `contender`, noting into `cpuSeconds` what each run takes. */
function metered(contender: Contender, cpuSeconds: number[]): Contender {
  const run = async (): Promise<void> => {
    const before = process.cpuUsage();
    await contender.run();
    const { user, system } = process.cpuUsage(before);
    cpuSeconds.push((user + system) / 1e6);
  };
  return { ...contender, run };
}

/** One round: every contender's samples, in seconds per run. */
async function round(title: string, contenders: readonly Contender[]): Promise<readonly (readonly number[])[]> {
  const suite = new Benchmark.Suite(title);
  const failures: unknown[] = [];
  for (const { name, run } of contenders) {
    suite.add(name, {
      defer: true,
      minSamples: 3,
      maxTime: 1,
      fn: (deferred: { resolve(): void }) => {
        Promise.resolve(run()).then(
          () => {
            deferred.resolve();
          },
          (error: unknown) => {
            failures.push(error);
            deferred.resolve();
          },
        );
      },
    });
  }
  await new Promise<void>((resolve) => {
    suite.on("complete", () => {
      resolve();
    });
    suite.run({ async: true });
  });
  if (failures.length > 0) throw failures[0];
  // A suite is array-like, and a sample numbers; its types say neither.
  const benches = suite as unknown as ArrayLike<{ readonly stats: { readonly sample: readonly number[] } }>;
  return Array.from(benches, ({ stats }) => stats.sample);
}

/** Runs each contender twice to warm it up, then rounds of all of them in turn, so that a slow moment hits all alike. */
export async function measure(title: string, contenders: readonly Contender[]): Promise<readonly Figure[]> {
  for (const { run } of [...contenders, ...contenders]) await run();
  const rounds = Number(process.env["LAMINATE_BENCH_ROUNDS"] ?? 3);
  const samples: number[][] = contenders.map(() => []);
  const cpuSeconds: number[][] = contenders.map(() => []);
  const meteredContenders = contenders.map((contender, at) => metered(contender, cpuSeconds[at] ?? []));
  for (let i = 0; i < rounds; i++) {
    (await round(title, meteredContenders)).forEach((sample, at) => samples[at]?.push(...sample));
  }
  return contenders.map(({ name, bytes }, at) => ({
    name,
    megabytesPerSecond: bytes / median(samples[at] ?? []) / 1e6,
    megabytesPerCpuSecond: bytes / median(cpuSeconds[at] ?? []) / 1e6,
  }));
}
