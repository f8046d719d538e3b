import type { BatchReport, ImportSetOptions } from "../../index.ts";
import { batchOptions, openBatchClient, platformOf, readSet } from "../batch-options.ts";
import { createBatchView } from "../batch-progress.ts";
import type { Command, Result } from "../command.ts";
import { UsageError } from "../errors.ts";
import { humanSize } from "../format.ts";

export const command: Command = {
  arguments: "<set...>",
  options: [
    { flags: "-j, --jobs <number>", description: "images at once, 4 by default" },
    { flags: "--keep-going", description: "go on when an image fails; on by default", onByDefault: true },
    { flags: "--fail-fast", description: "stop with the first image that fails" },
    { flags: "--ignore-disk-space", description: "begin though the disk seems too small" },
    { flags: "-q, --quiet", description: "show no progress" },
    {
      flags: "--queue <url>",
      description: "have it done by the workers at this Redis: redis://…, rediss://… or a socket",
    },
    { flags: "--hosts <number>", description: "with --queue: so many hosts are each to have all; else they share it" },
    ...batchOptions,
  ],
  examples: [
    "laminate batch import images.yaml",
    "laminate batch import -j 8 images.yaml skopeo-sync.yaml",
    "laminate batch import --fail-fast --progress json list.txt 2>progress.ndjson",
    "laminate batch import --queue redis://queue.example images.yaml",
    "laminate batch import images.yaml || laminate batch import images.yaml   # goes on where it ended",
  ],
  hasDocument: true,

  async run(context, paths, options) {
    const { importBatch, importByQueue, lastBatchReport } = await import("../../index.ts");
    const url = options.text("queue");
    const hosts = countOf("hosts", options.text("hosts"));
    if (hosts !== undefined && url === undefined) throw new UsageError("option --hosts goes with --queue");
    const imagesAtOnce = countOf("jobs", options.text("jobs"));
    const set = await readSet(paths);
    const storage = await context.storage();
    const { signal, progress, env } = context;
    const view = createBatchView(options.isOn("quiet") ? "none" : progress, process.stderr, env);
    const beganMs = performance.now();
    await using client = await openBatchClient(set, options);
    const common: Pick<ImportSetOptions, "storage" | "client" | "signal" | "platform" | "onPlanned" | "onEvent"> = {
      ...{ storage, client, signal },
      ...platformOf(options, context),
      onPlanned: (work) => {
        view.planned(work);
      },
      onEvent: (event) => {
        view.update(event);
        if (event.type !== "image") return;
        for (const warning of event.warnings) process.stderr.write(`WARNING: ${warning}\n`);
      },
    };
    try {
      const report =
        url === undefined
          ? await importBatch(set, {
              ...{ ...common, imagesAtOnce },
              isFailFast: options.isOn("fail-fast") || !options.isOn("keep-going"),
              isDiskChecked: !options.isOn("ignore-disk-space"),
            })
          : await importByQueue(set, { ...common, url, hosts });
      view.end();
      return resultOf(report, performance.now() - beganMs);
    } catch (error) {
      view.end();
      const report = await lastBatchReport(storage, set.name);
      if (signal.aborted || report === undefined) throw error;
      return { document: report, text: [], failures: [error], exitCode: 1 };
    }
  },
};

function countOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw new UsageError(`option --${name} is a number from 1 to 1000`);
  }
  return count;
}

/** 0 when all are here, 2 when some are, 1 when none is. */
export function resultOf(report: BatchReport, elapsedMs: number): Result {
  const { imported, present, failed, pending } = report.totals;
  const failures = report.images.flatMap(({ error }) =>
    error === null ? [] : [Object.assign(new Error(error.message), { code: error.code })],
  );
  const missing = failed + pending;
  return {
    document: report,
    text: [summary(report, elapsedMs)],
    failures,
    exitCode: missing === 0 ? 0 : imported + present > 0 ? 2 : 1,
  };
}

function summary({ totals, runs }: BatchReport, elapsedMs: number): string {
  const { imported, present, failed, pending, logicalBytes, uniqueBytes, fetchedBytes } = totals;
  const seconds = `${(elapsedMs / 1000).toFixed(1)}s`;
  if (imported + failed + pending === 0) return `Nothing to do: all ${counted(present)} are here (${seconds})`;
  const parts = [
    `Imported ${counted(imported)}`,
    ...(present > 0 ? [`${present} were here`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(pending > 0 ? [`${pending} are left`] : []),
  ];
  const bytes = `${humanSize(logicalBytes)} of layers are ${humanSize(uniqueBytes)} without doubles, ${humanSize(fetchedBytes)} fetched`;
  return `${parts.join(", ")}: ${bytes} in ${seconds}${runs > 1 ? ` (run ${runs} of this batch)` : ""}`;
}

function counted(images: number): string {
  return images === 1 ? "1 image" : `${images} images`;
}
