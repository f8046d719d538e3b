/**
 * `podman commit` beside `laminate commit` of the same Node installation: `npm run bench:commit [rounds]`, as root.
 * Contenders take turns, each time with a new container, so that nothing is found already done and a slow moment hits
 * all alike. What counts are the ratios. Exits with 1 when a target is missed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { nodeTree } from "../corpora/node-tree.ts";
import { buildLayer, writeImage } from "../lab/oci-layout.ts";
import { findProgram, programEntries } from "../lab/programs.ts";
import { laminate, podman, type Contender } from "./contenders.ts";
import { measure, medianCost, run, type Cost } from "./cost.ts";

const targetRatio = 0.5;
const defaultRounds = 3;
const peakTargetBytes = 180e6;

async function baseArchive(folder: string): Promise<string> {
  const programs = ["sh", "cp", "echo"].flatMap((name) => {
    const path = findProgram(name);
    return path === undefined ? [] : [[name, path] as const];
  });
  const layout = join(folder, "base");
  mkdirSync(layout);
  const places = ["bin", "sbin", "lib", "lib64"].map((path) => ({ path, mode: 0o777, linkTarget: `usr/${path}` }));
  const layer = await buildLayer("COPY programs /", [...places, ...programEntries(new Map(programs))]);
  writeImage(layout, "docker.io/library/base:latest", [layer], ["sh"]);
  const archive = `${layout}.tar`;
  run(["tar", "-cf", archive, "-C", layout, "."]);
  return archive;
}

/** A new container with a copy of `tree` in it, and a file like in no other. */
function install(contender: Contender, name: string, image: string, tree: string): void {
  run(contender.create(name, image));
  const place = run(contender.mount(name)).trim();
  run(["cp", "-a", tree, join(place, "opt")]);
  writeFileSync(join(place, "made-by"), name);
  run(contender.unmount(name));
}

function printTable(contenders: readonly Contender[], medians: readonly Cost[]): void {
  const [base] = medians;
  if (base === undefined) return;
  console.log("\n| command | wall s | ratio | CPU s | ratio | peak MB |");
  console.log("| --- | --: | --: | --: | --: | --: |");
  medians.forEach((cost, at) => {
    const { wallSeconds, cpuSeconds, peakBytes } = cost;
    const wall = `${wallSeconds.toFixed(2)} | ${(wallSeconds / base.wallSeconds).toFixed(2)}`;
    const cpu = `${cpuSeconds.toFixed(2)} | ${(cpuSeconds / base.cpuSeconds).toFixed(2)}`;
    console.log(`| ${contenders[at]?.name ?? ""} | ${wall} | ${cpu} | ${(peakBytes / 1e6).toFixed(0)} |`);
  });
}

async function main(folder: string): Promise<boolean> {
  const rounds = Number(process.argv[2] ?? defaultRounds);
  const tree = nodeTree();
  const archive = await baseArchive(folder);
  const contenders = [podman(folder), ...["gzip", "zstd", "none"].map((name) => laminate(folder, name))];
  for (const contender of contenders.slice(0, 2)) run(contender.load(archive));
  const images = contenders.map((contender) => run(contender.images).trim());

  const costs: Cost[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, contender] of contenders.entries()) {
      const name = `node-${round}-${at}`;
      install(contender, name, images[at] ?? "", tree);
      const cost = measure(contender.commit(name, `localhost/${name}:latest`));
      costs[at]?.push(cost);
      console.log(`${contender.name}: ${cost.wallSeconds.toFixed(2)} s, ${cost.cpuSeconds.toFixed(2)} CPU s`);
    }
  }

  const medians = costs.map(medianCost);
  printTable(contenders, medians);
  const [base] = medians;
  const results = contenders.map(({ name }, at) => ({ name, median: medians[at], runs: costs[at] }));
  console.log(`\n${JSON.stringify({ node: process.version, rounds, load: loadavg(), results })}\n`);
  const met = medians.slice(1).map((cost, at) => {
    const ratio = cost.wallSeconds / (base?.wallSeconds ?? NaN);
    const cpuRatio = cost.cpuSeconds / (base?.cpuSeconds ?? NaN);
    const isMet = ratio <= targetRatio && cost.peakBytes <= peakTargetBytes;
    const time = `${ratio.toFixed(2)} x podman, target ${targetRatio} (${cpuRatio.toFixed(2)} per CPU s)`;
    const memory = `${(cost.peakBytes / 1e6).toFixed(0)} MB, target ${peakTargetBytes / 1e6}`;
    console.log(`  ${isMet ? "met   " : "MISSED"} ${contenders[at + 1]?.name ?? ""}: ${time}; ${memory}`);
    return isMet;
  });
  return !met.includes(false);
}

if (!existsSync(join(import.meta.dirname, "../../dist/cli/main.js"))) throw new Error("run `npm install` first");
const [load = 0] = loadavg();
console.log(
  `node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model ?? "unknown"}, load ${load.toFixed(1)}`,
);
if (load > 1) console.log("others use this machine: only figures per CPU second mean much");
const folder = mkdtempSync(join(tmpdir(), "laminate-bench-commit-"));
try {
  if (!(await main(folder))) process.exitCode = 1;
} finally {
  // podman leaves its layers' directory mounted on itself.
  spawnSync("umount", ["--recursive", join(folder, "podman/overlay")]);
  await rm(folder, { recursive: true, force: true });
}
