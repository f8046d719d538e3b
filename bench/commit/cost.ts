/** What a command takes, with all processes that it starts and waits for. */
import { spawnSync } from "node:child_process";

export interface Cost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Of the largest process. */
  readonly peakBytes: number;
}

/** Node has no getrusage(RUSAGE_CHILDREN). */
const meter = `
import json, resource, subprocess, sys, time
start = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=sys.stderr)
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]))
sys.exit(done.returncode)
`;

/** Runs a command; its output is shown only when it fails. */
export function run(command: readonly string[]): string {
  const [program = "", ...words] = command;
  const done = spawnSync(program, words, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (done.error !== undefined) throw done.error;
  if (done.status === 0) return done.stdout;
  throw new Error(`${command.join(" ")} ended with status ${done.status ?? "none"}: ${done.stderr}`);
}

/** Runs a command after all that was written before has reached the disk. */
export function measure(command: readonly string[]): Cost {
  run(["sync"]);
  const [wallSeconds, cpuSeconds, peakBytes] = JSON.parse(run(["python3", "-c", meter, ...command])) as [
    number,
    number,
    number,
  ];
  return { wallSeconds, cpuSeconds, peakBytes };
}

export function medianCost(costs: readonly Cost[]): Cost {
  const median = (field: keyof Cost): number => {
    const sorted = costs.map((cost) => cost[field]).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? NaN;
  };
  return { wallSeconds: median("wallSeconds"), cpuSeconds: median("cpuSeconds"), peakBytes: median("peakBytes") };
}
