/** For pull requests and summaries of build servers: what failed first, then all images. */
import type { BatchReport, ImageReport } from "../batch-report.ts";
import { formatBytes, formatTime } from "./amounts.ts";
import { escapeCell } from "./escape.ts";

export function markdownReport(report: BatchReport): string {
  const { images, totals } = report;
  const failed = images.filter(({ status }) => status === "failed");
  const saved = totals.logicalBytes - totals.fetchedBytes;
  return [
    `# Batch: ${escapeCell(report.set)}`,
    "",
    `${totals.imported} imported, ${totals.present} were there, ${totals.failed} failed, ${totals.pending} not done; ` +
      `${formatTime(report.elapsedMs)}${report.runs > 1 ? ` in ${report.runs} runs` : ""}, ` +
      `begun ${escapeCell(report.startedAt)}.`,
    "",
    `Layers: ${totals.uniqueLayers}, ${formatBytes(totals.uniqueBytes)}; fetched ${formatBytes(totals.fetchedBytes)}, ` +
      `${formatBytes(Math.max(0, saved))} less than image by image.`,
    ...section("Failed", failed, ["image", "code", "why"], ({ source, error }) => [
      source,
      error?.code ?? "",
      error?.message ?? "",
    ]),
    ...section(
      "Images",
      images,
      ["image", "status", "layers", "size", "fetched", "time", "worker", "digest"],
      ({ source, status, layerCount, sizeBytes, fetchedBytes, elapsedMs, worker, digest }) => [
        ...[source, status, String(layerCount), formatBytes(sizeBytes), formatBytes(fetchedBytes)],
        ...[elapsedMs === null ? "" : formatTime(elapsedMs), worker ?? "", digest ?? ""],
      ],
    ),
    "",
  ].join("\n");
}

function section(
  title: string,
  images: readonly ImageReport[],
  headings: readonly string[],
  cellsOf: (image: ImageReport) => readonly string[],
): readonly string[] {
  if (images.length === 0) return [];
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    ...["", `## ${title}`, ""],
    ...[row(headings), row(headings.map(() => "---"))],
    ...images.map((image) => row(cellsOf(image).map(escapeCell))),
  ];
}
