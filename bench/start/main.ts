/**
 * How fast the command starts, beside Node itself: `npm run bench:start [rounds]`. Commands take turns, so that a slow
 * moment hits all alike; what counts are the ratios of medians. Exits with 1 when a target is missed.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { storeLayer, writeLayout } from "../corpora/layered-image.ts";
import { costsOf, median } from "./meter.ts";

const images = 100;
const defaultRounds = 15;
const loadTargetMs = 30;
const dist = join(import.meta.dirname, "../../dist");

/** Images of three layers, all of them shared with others. */
function layoutOf(folder: string): string {
  const layout = join(folder, "layout");
  const layerOf = (name: string): ReturnType<typeof storeLayer> => {
    const directory = join(folder, "trees", name);
    mkdirSync(join(directory, "etc"), { recursive: true });
    writeFileSync(join(directory, "etc", name), name.repeat(100));
    return storeLayer(layout, { directory, paths: ["./etc", `./etc/${name}`] });
  };
  const layers = Array.from({ length: 12 }, (_, at) => layerOf(`layer-${at}`));
  const names = Array.from({ length: images }, (_, at) => `image-${at}:1`);
  const stackOf = (at: number): typeof layers =>
    layers.filter((_, layer) => [at % 4, 4 + (at % 3), 7 + (at % 5)].includes(layer));
  writeLayout(layout, Object.fromEntries(names.map((name, at) => [name, stackOf(at)])));
  return layout;
}

/** In a process of its own: from an open store to the answer, and the same again. */
const loadProgram = `
const [dist, root, source] = process.argv.slice(1);
const { createStorage } = await import(dist + "/index.js");
await using storage = await createStorage({ root });
const times = [];
for (let round = 0; round < 5; round++) {
  const start = performance.now();
  await storage.load(source);
  times.push(performance.now() - start);
}
console.log(JSON.stringify(times));
`;

function loadTimes(root: string, source: string): readonly number[] {
  const words = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", loadProgram, dist, root, source];
  const done = spawnSync(process.execPath, words, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout) as number[];
}

function main(folder: string): boolean {
  const rounds = Number(process.argv[2] ?? defaultRounds);
  const root = join(folder, "store");
  const layout = layoutOf(folder);
  const one = `oci:${layout}:image-7:1`;
  const laminate = (...words: string[]): readonly string[] => [
    ...[process.execPath, "--disable-warning=ExperimentalWarning", join(dist, "cli/main.js"), "--root", root],
    ...words,
  ];
  const load = spawnSync(process.execPath, laminate("load", "-q", "-i", layout).slice(1), { encoding: "utf8" });
  if (load.status !== 0) throw new Error(load.stderr);

  const contenders = [
    { name: "node -e 0", command: [process.execPath, "-e", "0"], target: undefined },
    { name: "laminate --version", command: laminate("--version"), target: 1.5 },
    { name: `laminate images (${images})`, command: laminate("images"), target: 2.5 },
    { name: "laminate ps", command: laminate("ps"), target: undefined },
    { name: "laminate load, all here", command: laminate("load", "-q", "-i", one), target: undefined },
  ];
  const costs = costsOf(
    contenders.map(({ command }) => command),
    rounds,
  );
  const [node] = costs;
  if (node === undefined) throw new Error("nothing was measured");
  console.log(`\n| command | wall ms | ratio | CPU ms | ratio | target |\n| --- | --: | --: | --: | --: | --: |`);
  const met = costs.map(({ wallMs, cpuMs }, at) => {
    const { name = "", target } = contenders[at] ?? {};
    const [ratio, cpuRatio] = [wallMs / node.wallMs, cpuMs / node.cpuMs];
    const isMet = target === undefined || ratio <= target;
    const figures = [wallMs.toFixed(0), ratio.toFixed(2), cpuMs.toFixed(0), cpuRatio.toFixed(2)];
    const verdict = target === undefined ? "" : `${target}${isMet ? "" : " MISSED"}`;
    console.log(`| ${[name, ...figures, verdict].join(" | ")} |`);
    return isMet;
  });

  const loads = Array.from({ length: rounds }, () => loadTimes(root, one));
  const first = median(loads.map(([ms = NaN]) => ms));
  const again = median(loads.flatMap((times) => times.slice(1)));
  const isQuick = first < loadTargetMs;
  console.log(
    `\nload of an image that is all here, in an open store: ${first.toFixed(1)} ms with the modules that it needs, ` +
      `${again.toFixed(1)} ms again; target ${loadTargetMs} ms${isQuick ? "" : " MISSED"}`,
  );
  return isQuick && !met.includes(false);
}

const [load = 0] = loadavg();
console.log(
  `node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model ?? "unknown"}, load ${load.toFixed(1)}`,
);
if (load > 1) console.log("others use this machine: the ratios of CPU time mean more than those of time");
const folder = mkdtempSync(join(tmpdir(), "laminate-bench-start-"));
try {
  if (!main(folder)) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
