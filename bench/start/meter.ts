/** What commands take when they take turns, each process with those that it waits for. */
import { spawnSync } from "node:child_process";

export interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Node has no wait4(2). */
const meter = `
import json, os, sys, time
commands, rounds = json.load(sys.stdin)
nowhere = os.open("/dev/null", os.O_RDWR)
taken = [[] for _ in commands]
for turn in range(rounds + 1):
    for at, command in enumerate(commands):
        start = time.monotonic()
        streams = [(os.POSIX_SPAWN_DUP2, nowhere, fd) for fd in (0, 1)]
        _, status, used = os.wait4(os.posix_spawn(command[0], command, os.environ, file_actions=streams), 0)
        if status != 0: sys.exit(" ".join(command) + " failed")
        if turn > 0: taken[at].append([(time.monotonic() - start) * 1e3, (used.ru_utime + used.ru_stime) * 1e3])
json.dump(taken, sys.stdout)
`;

/** Medians, in the order of `commands`, each of which begins with an absolute path; the first round is not counted. */
export function costsOf(commands: readonly (readonly string[])[], rounds: number): readonly Cost[] {
  const done = spawnSync("python3", ["-c", meter], {
    input: JSON.stringify([commands, rounds]),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (done.status !== 0) throw new Error(done.stderr);
  const taken = JSON.parse(done.stdout) as readonly (readonly [wallMs: number, cpuMs: number])[][];
  return taken.map((runs) => ({
    wallMs: median(runs.map(([wallMs]) => wallMs)),
    cpuMs: median(runs.map(([, cpuMs]) => cpuMs)),
  }));
}

export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
}
