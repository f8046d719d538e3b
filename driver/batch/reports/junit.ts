/** JUnit's XML as build servers read it: a case an image; what was not begun is skipped. */
import type { BatchReport, ImageReport } from "../batch-report.ts";
import { asSeconds } from "./amounts.ts";
import { escapeMarkup } from "./escape.ts";

export function junitReport(report: BatchReport): string {
  const { images, totals } = report;
  const counts = attributes({
    tests: String(images.length),
    failures: String(totals.failed),
    errors: "0",
    skipped: String(totals.pending),
    time: asSeconds(report.elapsedMs),
  });
  const suite = attributes({ name: report.set, timestamp: report.startedAt });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="laminate batch"${counts}>`,
    `  <testsuite${suite}${counts}>`,
    "    <properties>",
    ...Object.entries({ runs: report.runs, ...totals }).map(
      ([name, value]) => `      <property${attributes({ name, value: String(value) })}/>`,
    ),
    "    </properties>",
    ...images.flatMap(caseOf),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function caseOf(image: ImageReport): readonly string[] {
  const about = attributes({ name: image.source, classname: "laminate.batch", time: asSeconds(image.elapsedMs ?? 0) });
  const said = outcomeOf(image);
  return said === "" ? [`    <testcase${about}/>`] : [`    <testcase${about}>`, `      ${said}`, "    </testcase>"];
}

function outcomeOf({ status, error, digest, worker }: ImageReport): string {
  if (status === "pending") return '<skipped message="not begun"/>';
  if (status !== "failed") {
    const facts = [status, digest, worker === null ? null : `by ${worker}`].filter((fact) => fact !== null);
    return `<system-out>${escapeMarkup(facts.join(" "))}</system-out>`;
  }
  const { code, message } = error ?? { code: "ERR_UNKNOWN", message: "it failed" };
  return `<failure${attributes({ type: code, message })}>${escapeMarkup(message)}</failure>`;
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeMarkup(value)}"`)
    .join("");
}
