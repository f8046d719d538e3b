/** The results as bench/RESULTS.md. */
import { median, ratio, type JobResult, type Measured, type Results, targetOf } from "./results.ts";

const places = {
  tmpfs: "stores on tmpfs, `--durability none`",
  ext4: "stores on ext4 (a loop device on tmpfs, fresh each time), default durability",
};

export function markdown(results: Results): string {
  const { machine, load, versions, images, date } = results;
  const versionList = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    "# Whole jobs beside their peers",
    "",
    "Written by `npm run bench:compare`. Contenders take turns (A B A B), each time with a fresh store; the first round is",
    "a warm-up and does not count. Seconds are medians with the lowest and the highest; ratios are of medians, ours divided",
    "by the peer's. CPU seconds and memory are of the whole process tree, a daemon included; memory is resident memory,",
    "shared pages counted for each process. The images are in the page cache.",
    "",
    `${date.slice(0, 10)}, ${machine}, load ${load.toFixed(1)} at the start. ${versionList.join(", ")}.`,
    "",
    "| image | layers | stored MB |",
    "| --- | --: | --: |",
    ...images.map(({ name, layers, storedBytes }) => `| ${name} | ${layers} | ${(storedBytes / 1e6).toFixed(0)} |`),
    "",
    ...results.jobs.flatMap(jobTable),
  ].join("\n");
}

function jobTable(job: JobResult): readonly string[] {
  const verb = job.job === "pull" ? "Pull from a registry on this machine and unpack" : "Unpack a local OCI layout";
  return [
    `## ${verb}: ${job.corpus}, ${job.place}`,
    "",
    `${places[job.place]}.`,
    "",
    "| | s | ours is | CPU s | ours is | peak MB |",
    "| --- | --: | --: | --: | --: | --: |",
    ...job.measured.map((measured) => row(job, measured)),
    "",
  ];
}

function row(job: JobResult, { contender, costs }: Measured): string {
  const walls = costs.map(({ wallSeconds }) => wallSeconds);
  const seconds = `${median(walls).toFixed(2)} (${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)})`;
  const cpu = median(costs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2);
  const peak = (median(costs.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0);
  if (contender === job.measured[0]?.contender) return `| ${contender} | ${seconds} | | ${cpu} | | ${peak} |`;
  const wall = ratio(job, { contender, costs });
  const target = targetOf(job, contender);
  const verdict =
    target === undefined ? "" : wall <= target ? ` (target ${target}: met)` : ` (target ${target}: missed)`;
  const ratios = [`${wall.toFixed(2)}x${verdict}`, `${ratio(job, { contender, costs }, "cpuSeconds").toFixed(2)}x`];
  return `| ${contender} | ${seconds} | ${ratios[0] ?? ""} | ${cpu} | ${ratios[1] ?? ""} | ${peak} |`;
}
