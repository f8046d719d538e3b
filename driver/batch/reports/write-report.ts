/**
 * The report of a batch in the forms that people and programs read. All are made from one document, and whatever it says
 * stays text in them: names of images, and messages of registries, are not ours.
 */
import { assertNever } from "../../base/errors.ts";
import type { BatchReport } from "../batch-report.ts";
import { htmlReport } from "./html.ts";
import { junitReport } from "./junit.ts";
import { markdownReport } from "./markdown.ts";
import { ndjsonReport } from "./ndjson.ts";

export const reportFormats = ["json", "ndjson", "junit", "markdown", "html"] as const;

export type ReportFormat = (typeof reportFormats)[number];

/** Ends with a line feed. */
export function writeReport(report: BatchReport, format: ReportFormat): string {
  switch (format) {
    case "json":
      return `${JSON.stringify(report, null, 2)}\n`;
    case "ndjson":
      return ndjsonReport(report);
    case "junit":
      return junitReport(report);
    case "markdown":
      return markdownReport(report);
    case "html":
      return htmlReport(report);
    default:
      return assertNever(format);
  }
}
