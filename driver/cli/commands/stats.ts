import { setTimeout as sleep } from "node:timers/promises";
import { type ContainerStats, hasCode, type Storage } from "../../door.ts";
import type { Command, Result } from "../command.ts";
import { binarySize, humanSize, shortId } from "../format.ts";
import { outputForm, outputOf, writeOut } from "../print.ts";
import { table } from "../table.ts";

const intervalMs = 1000;
const unknown = "--";

const headers = {
  Container: "CONTAINER",
  ID: "CONTAINER ID",
  Name: "NAME",
  CPUPerc: "CPU %",
  MemUsage: "MEM USAGE / LIMIT",
  MemPerc: "MEM %",
  NetIO: "NET I/O",
  BlockIO: "BLOCK I/O",
  PIDs: "PIDS",
};

/** Under the word that asked for it. */
type Sample = ReadonlyMap<string, ContainerStats>;

export const command: Command = {
  arguments: "[container...]",
  options: [
    { flags: "-a, --all", description: "also those that do not run" },
    { flags: "--no-stream", description: "once, over one second" },
    { flags: "--no-trunc", description: "whole ids" },
  ],
  examples: ["laminate stats", "laminate stats --no-stream web", 'laminate stats --format "{{.Name}} {{.CPUPerc}}"'],
  hasTable: true,

  async run({ storage, signal }, words, options) {
    const opened = await storage();
    const isWhole = options.isOn("no-trunc");
    const take = (): Promise<Sample> => takeSample(opened, words, options.isOn("all"));
    // A container that is not there is an error at first; later it has gone.
    for (const word of words) await opened.containers.get(word);
    let before = await take();
    await sleep(intervalMs, undefined, { signal });
    let after = await take();
    const explained = new Set<string>();
    for (;;) {
      explainUnknown(after, explained);
      const result = resultOf(before, after, isWhole);
      if (options.isOn("no-stream")) return result;
      if (words.length > 0 && after.size === 0) return {};
      await redraw(outputOf(result, await outputForm(command, options)));
      await sleep(intervalMs, undefined, { signal });
      [before, after] = [after, await take()];
    }
  },
};

async function takeSample({ containers }: Storage, words: readonly string[], isAll: boolean): Promise<Sample> {
  const listed = words.length > 0 ? [] : await containers.list();
  const shown = listed.filter(({ status }) => isAll || status === "running").map(({ id }) => id);
  const sample = new Map<string, ContainerStats>();
  for (const word of words.length > 0 ? words : shown) {
    try {
      sample.set(word, await containers.stats(word));
    } catch (error) {
      if (!hasCode(error, "ERR_NOT_FOUND")) throw error;
    }
  }
  return sample;
}

function resultOf(before: Sample, after: Sample, isWhole: boolean): Result {
  const rows = [...after].map(([word, now]) => {
    const { memoryBytes, memoryLimitBytes } = now;
    const cpu = cpuShare(before.get(word), now);
    const ID = isWhole ? now.id : shortId(now.id);
    return {
      Container: word === now.id ? ID : word,
      ...{ ID, Name: now.name },
      CPUPerc: cpu === null ? unknown : `${(cpu * 100).toFixed(2)}%`,
      MemUsage: pair(memoryBytes, memoryLimitBytes, binarySize),
      MemPerc: memoryBytes === null ? unknown : percent(memoryBytes, memoryLimitBytes),
      NetIO: pair(now.receivedBytes, now.sentBytes, humanSize),
      BlockIO: pair(now.readBytes, now.writtenBytes, humanSize),
      PIDs: now.pids === null ? unknown : String(now.pids),
    };
  });
  const { Container: _container, ...columns } = headers;
  const cells = rows.map(({ Container: _word, ...cells }) => Object.values(cells));
  return { document: [...after.values()], rows, headers, text: table(Object.values(columns), cells) };
}

/** Of one processor. */
function cpuShare(before: ContainerStats | undefined, now: ContainerStats): number | null {
  if (!now.isRunning) return 0;
  const [then = null, nanos] = [before?.cpuNanos, now.cpuNanos];
  if (before === undefined || then === null || nanos === null) return null;
  return Math.max(0, nanos - then) / ((now.takenMs - before.takenMs) * 1e6);
}

function percent(part: number, whole: number): string {
  return `${(whole === 0 ? 0 : (part / whole) * 100).toFixed(2)}%`;
}

function pair(left: number | null, right: number | null, show: (bytes: number) => string): string {
  return left === null || right === null ? unknown : `${show(left)} / ${show(right)}`;
}

function explainUnknown(sample: Sample, explained: Set<string>): void {
  for (const { id, name, ...figures } of sample.values()) {
    if (explained.has(id) || !Object.values(figures).includes(null)) continue;
    explained.add(id);
    process.stderr.write(
      `laminate: cannot show all of ${name}: neither its cgroup nor /proc tells what is ${unknown}\n`,
    );
  }
}

/** In place on a terminal, else below. */
function redraw(text: string): Promise<void> {
  if (!process.stdout.isTTY) return writeOut(text);
  return writeOut(`\u001b[H${text.replaceAll("\n", "\u001b[K\n")}\u001b[J`);
}
