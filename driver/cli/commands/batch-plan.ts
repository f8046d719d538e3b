import type { PlannedRow, PlanSummary } from "../../index.ts";
import { batchOptions, openBatchClient, platformOf, readSet } from "../batch-options.ts";
import type { Command } from "../command.ts";
import { familiarName, humanSize, printable, shortId } from "../format.ts";
import { table } from "../table.ts";

export const command: Command = {
  arguments: "<set...>",
  options: [{ flags: "--no-trunc", description: "whole digests" }, ...batchOptions],
  examples: [
    "laminate batch plan images.yaml",
    "laminate batch plan skopeo-sync.yaml list.txt",
    "laminate batch plan --json images.yaml | jq .totals",
    "printf '%s\\n' debian:12 debian:13 | laminate batch plan -",
  ],
  hasDocument: true,

  async run(context, paths, options) {
    const { planBatch } = await import("../../index.ts");
    const set = await readSet(paths);
    await using client = await openBatchClient(set, options);
    const { signal } = context;
    const plan = await planBatch(set, {
      ...{ storage: await context.storage(), client, signal },
      ...platformOf(options, context),
    });
    const failures = plan.failures.map(({ error }) => Object.assign(new Error(error.message), { code: error.code }));
    const isSome = plan.images.length > 0;
    return {
      document: plan,
      text: textOf(plan, options.isOn("no-trunc")),
      failures,
      exitCode: failures.length === 0 ? 0 : isSome ? 2 : 1,
    };
  },
};

function textOf({ images, totals }: PlanSummary, isWhole: boolean): readonly string[] {
  const rows = images.map((row) => rowOf(row, isWhole));
  const header = ["IMAGE", "MANIFEST", "LAYERS", "SIZE", "SHARED", "TO FETCH"];
  const percent = totals.logicalBytes === 0 ? 0 : Math.round((100 * totals.sharedBytes) / totals.logicalBytes);
  const unresolved = totals.failed === 0 ? "" : `, ${totals.failed} cannot be resolved`;
  return [
    ...(rows.length === 0 ? [] : [...table(header, rows), ""]),
    `Images:          ${totals.images}, ${totals.imagesHere} of them here${unresolved}`,
    `Layers:          ${totals.uniqueLayers} different ones, ${totals.layersHere} of them here`,
    `Bytes:           ${humanSize(totals.logicalBytes)} if each image stood alone, ${humanSize(totals.uniqueBytes)} in all`,
    `Shared:          ${humanSize(totals.sharedBytes)} (${percent}%)`,
    `To fetch:        ${humanSize(totals.fetchBytes)}`,
    `Disk needed:     about ${humanSize(totals.diskBytes)} of ${humanSize(totals.diskFreeBytes)} free ` +
      `(unpacked: ${totals.diskBasis})`,
  ];
}

function rowOf(row: PlannedRow, isWhole: boolean): readonly string[] {
  const digest = row.digest === null ? "-" : isWhole ? row.digest : shortId(row.digest);
  const fetch = row.isHere ? "here" : humanSize(row.fetchBytes);
  const name = printable(familiarName(row.source));
  return [name, digest, String(row.layerCount), humanSize(row.sizeBytes), humanSize(row.sharedBytes), fetch];
}
