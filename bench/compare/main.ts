/**
 * Whole jobs beside their peers: `npm run bench:compare`, as root, for the better part of an hour.
 *
 *   --rounds N            that count, after one that does not (3)
 *   --images NAME,…       of one-layer, eight-layers, small-files, two-gb (all)
 *   --places NAME,…       of tmpfs, ext4 (both)
 *   --jobs NAME,…         of pull, unpack (both)
 *   --write               bench/RESULTS.md and bench/results.json; without it the table is only printed
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startRegistry } from "../../test/fixtures/registry.ts";
import { corpora, corpus, type Corpus } from "../corpora/images.ts";
import { type Contender, pulling, unpacking, versions } from "./contenders.ts";
import { markdown } from "./markdown.ts";
import { freshPlace, type PlaceName, places } from "./places.ts";
import { type JobResult, ratio, type Results, targetOf } from "./results.ts";
import type { TreeCost } from "./tree-cost.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    images: { type: "string", default: corpora.join(",") },
    places: { type: "string", default: places.join(",") },
    jobs: { type: "string", default: "pull,unpack" },
    write: { type: "boolean", default: false },
  },
});

function chosen<Name extends string>(text: string, known: readonly Name[]): readonly Name[] {
  const wanted = text.split(",");
  const unknown = wanted.find((name) => !known.includes(name as Name));
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${known.join(", ")}`);
  return known.filter((name) => wanted.includes(name));
}

function isHere({ programs }: Contender): boolean {
  return programs.every((name) => spawnSync("sh", ["-c", `command -v "$1"`, "sh", name]).status === 0);
}

async function measureJob(
  job: JobResult["job"],
  image: Corpus,
  place: PlaceName,
  reference: string,
): Promise<JobResult> {
  const contenders = (job === "pull" ? pulling : unpacking).filter(isHere);
  const costs = new Map<string, TreeCost[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const contender of contenders) {
      using fresh = freshPlace(place);
      const cost = await contender.run({ corpus: image, reference, folder: fresh.path, place });
      if (round > 0) costs.get(contender.name)?.push(cost);
      const figures = `${cost.wallSeconds.toFixed(2)} s, ${cost.cpuSeconds.toFixed(2)} CPU s`;
      console.log(`${job} ${image.name} on ${place}: ${contender.name}: ${figures}${round > 0 ? "" : ", warm-up"}`);
    }
  }
  return {
    job,
    corpus: image.name,
    place,
    measured: [...costs].map(([contender, each]) => ({ contender, costs: each })),
  };
}

const folder = mkdtempSync("/dev/shm/laminate-compare-registry-");
try {
  const [load = 0] = loadavg();
  if (load > 1) console.log(`others use this machine (load ${load.toFixed(1)}): the figures say little`);
  const images = chosen(values.images, corpora).map(corpus);
  await using registry = await startRegistry({ folder });
  const jobs: JobResult[] = [];
  for (const image of images) {
    const reference = `${registry.host}/${image.name}:1`;
    execFileSync("skopeo", [
      "copy",
      "-q",
      "--dest-tls-verify=false",
      `oci:${image.layout}:it`,
      `docker://${reference}`,
    ]);
    for (const place of chosen(values.places, places)) {
      for (const job of chosen(values.jobs, ["pull", "unpack"])) {
        jobs.push(await measureJob(job, image, place, reference));
      }
    }
  }
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const results: Results = {
    date: new Date().toISOString(),
    machine: `${availableParallelism()} x ${cpus()[0]?.model ?? "unknown"}, ${memory}, Linux ${release()}`,
    load,
    versions: versions(),
    images: images.map(({ name, blobs, storedBytes }) => ({ name, layers: blobs.length, storedBytes })),
    jobs,
  };
  const text = markdown(results);
  console.log(`\n${text}`);
  if (values.write) {
    const bench = join(import.meta.dirname, "..");
    writeFileSync(join(bench, "RESULTS.md"), text);
    writeFileSync(join(bench, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
  }
  const missed = jobs.flatMap((job) =>
    job.measured.filter((peer) => {
      const target = targetOf(job, peer.contender);
      return target !== undefined && ratio(job, peer) > target;
    }),
  );
  if (missed.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
