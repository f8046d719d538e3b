import { writeFile } from "node:fs/promises";
import { type ReportFormat, StorageError } from "../../index.ts";
import { setName } from "../batch-options.ts";
import type { Command } from "../command.ts";

const formats: readonly ReportFormat[] = ["json", "ndjson", "junit", "markdown", "html"];

export const command: Command = {
  arguments: "[set...]",
  options: [
    { flags: "--format <name>", description: `${formats.join(", ")}; markdown by default`, choices: formats },
    { flags: "-o, --output <file>", description: "where to write it; standard output by default" },
  ],
  examples: [
    "laminate batch report",
    "laminate batch report --format html -o report.html images.yaml",
    "laminate batch report --format junit > batch.xml",
  ],

  async run({ storage }, paths, options) {
    const { lastBatchReport, writeReport } = await import("../../index.ts");
    const set = paths.length === 0 ? undefined : setName(paths);
    const report = await lastBatchReport(await storage(), set);
    if (report === undefined) {
      throw new StorageError(
        "ERR_NOT_FOUND",
        `cannot report: ${set === undefined ? "no batch" : set} was ever imported into this store`,
      );
    }
    const format = formats.find((name) => name === options.text("format")) ?? "markdown";
    const written = await writeReport(report, format);
    const output = options.text("output");
    if (output === undefined) return { text: [written.trimEnd()] };
    await writeFile(output, written);
    return { text: [] };
  },
};
