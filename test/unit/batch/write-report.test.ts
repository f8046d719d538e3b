import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BatchReport, ImageReport } from "../../../driver/batch/batch-report.ts";
import { formatBytes, formatTime } from "../../../driver/batch/reports/amounts.ts";
import { writeReport } from "../../../driver/batch/reports/write-report.ts";
import { needPrograms } from "../../need.ts";

const image: ImageReport = {
  source: "debian:12",
  status: "imported",
  digest: `sha256:${"a".repeat(64)}`,
  names: ["docker.io/library/debian:12"],
  layerCount: 2,
  sizeBytes: 3_000_000,
  fetchedBytes: 1_000_000,
  startedMs: 10,
  elapsedMs: 1500,
  error: null,
  worker: null,
};

/** A report in which every text that comes from outside is `text`. */
function reportWith(text: string): BatchReport {
  const failed: ImageReport = {
    ...image,
    ...{ source: text, digest: text, names: [text, `${text}2`], worker: text, status: "failed" },
    error: { code: "ERR_NOT_FOUND", message: text },
  };
  const layer = { imageCount: 2, startedMs: 5, elapsedMs: 100, worker: text } as const;
  return {
    version: 1,
    set: text,
    startedAt: text,
    elapsedMs: 90_000,
    runs: 2,
    images: [image, failed, { ...image, source: "later", status: "pending", startedMs: null, elapsedMs: null }],
    layers: [
      { digest: text, sizeBytes: 2_000_000, fetchedBytes: 2_000_000, status: "done", ...layer },
      { digest: "b", sizeBytes: 1_000_000, fetchedBytes: 0, status: "reused", ...layer, startedMs: null },
    ],
    totals: {
      ...{ imported: 1, present: 0, failed: 1, pending: 1 },
      ...{ uniqueLayers: 2, logicalBytes: 9_000_000, uniqueBytes: 3_000_000, fetchedBytes: 2_000_000 },
    },
  };
}

const hostile = `"'><img src=x onerror=alert(1)><!-- ]]> &amp; |\n| \`a\` [b](javascript:c) \0\x1b\u202e\ud800 </style></title>`;
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constant(hostile),
  fc.string({ unit: fc.constantFrom(...Array.from(hostile)) }),
);
const countOf = (where: string, what: string): number => where.split(what).length - 1;

describe("writeReport", () => {
  it("writes json and ndjson that say all that the report says", () => {
    const report = reportWith(hostile);
    const plain: unknown = JSON.parse(JSON.stringify(report));
    expect(JSON.parse(writeReport(report, "json"))).toEqual(plain);
    const lines = writeReport(report, "ndjson")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string });
    expect(lines.map(({ type }) => type)).toEqual(["image", "image", "image", "layer", "layer", "batch"]);
    expect(lines[1]).toMatchObject({ source: hostile, status: "failed" });
    expect(lines.at(-1)).toMatchObject({ runs: 2, totals: { uniqueLayers: 2 } });
  });

  it("writes junit with a case for each image, and says why it failed or was skipped", () => {
    const xml = writeReport(reportWith("set"), "junit");
    expect(xml).toContain('tests="3" failures="1" errors="0" skipped="1" time="90.000"');
    expect(xml).toContain('<testcase name="debian:12" classname="laminate.batch" time="1.500">');
    expect(xml).toContain('<failure type="ERR_NOT_FOUND" message="set">set</failure>');
    expect(xml).toContain('<skipped message="not begun"/>');
    expect(xml).toContain('<property name="uniqueBytes" value="3000000"/>');
  });

  it("writes one page of html that loads nothing and runs nothing, with both plots", () => {
    const html = writeReport(reportWith("x"), "html");
    expect(countOf(html, "<svg")).toBe(2);
    expect(html).toContain("prefers-color-scheme: dark");
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|\ssrc=|\shref=|\son\w+=/i);
    // A third of debian:12's bytes were fetched, and two thirds were there: of 1000 units.
    expect(html).toContain('<rect class="done" x="0" y="23" width="333.3" height="18"/><rect class="reused" x="333.3"');
    const empty = writeReport({ ...reportWith("x"), images: [], layers: [], elapsedMs: 0 }, "html");
    expect(empty).toContain("No layer was under way");
  });

  it("keeps the structure of html and junit whatever the texts are", () => {
    for (const format of ["html", "junit"] as const) {
      const harmless = writeReport(reportWith("x"), format);
      fc.assert(
        fc.property(text, (value) => {
          const written = writeReport(reportWith(value), format);
          for (const mark of ["<", ">", '"']) expect(countOf(written, mark)).toBe(countOf(harmless, mark));
          expect(written).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\u202e]|&(?!(?:amp|lt|gt|quot|#\d+);)/);
          expect(written.isWellFormed()).toBe(true);
        }),
        { numRuns: 100 },
      );
    }
  });

  it.skipIf(needPrograms("python3").missing)(
    "writes html and junit that an XML parser reads, with the texts in them",
    () => {
      const values = [hostile, "\u0085\u009f\u2028a", ...fc.sample(text, 40)];
      const documents = values.flatMap((value) => [
        writeReport(reportWith(value), "junit"),
        writeReport(reportWith(value), "html"),
      ]);
      const script = `
import json, sys, xml.etree.ElementTree as tree
print(json.dumps([[e.get("name") for e in tree.fromstring(d.encode()).iter("testcase")] for d in json.load(sys.stdin)]))`;
      const ran = spawnSync("python3", ["-c", script], { input: JSON.stringify(documents), encoding: "utf8" });
      expect(ran.stderr).toBe("");
      const names = JSON.parse(ran.stdout) as string[][];
      expect(names).toHaveLength(documents.length);
      // What is left of the name: all but what cannot be written.
      expect(names[0]?.[1]).toBe(hostile.replace(/[\0\x1b\u202e]/g, "").replace("\ud800", "\ufffd"));
    },
  );

  it("writes markdown whose tables keep their cells, and no markup, whatever the texts are", () => {
    const linesOf = (value: string): readonly string[] => writeReport(reportWith(value), "markdown").split("\n");
    const bars = (line: string): number => line.replace(/\\./g, "").split("|").length;
    const harmless = linesOf("x").map(bars);
    fc.assert(
      fc.property(text, (value) => {
        const lines = linesOf(value);
        expect(lines.map(bars)).toEqual(harmless);
        for (const line of lines) expect(line.replace(/\\./g, "").replace(/^#+ /, "")).not.toMatch(/[<>`[\]*_]/);
      }),
      { numRuns: 200 },
    );
    expect(linesOf("a|b_c")).toContain(
      "| a\\|b\\_c | ERR_NOT_FOUND | a\\|b\\_c |".replace("ERR_NOT_FOUND", "ERR\\_NOT\\_FOUND"),
    );
  });

  it("writes sizes and times with three digits", () => {
    expect([0, 999, 999_600, 3_960_000, 1e15].map(formatBytes)).toEqual(["0 B", "999 B", "1 MB", "3.96 MB", "1 PB"]);
    expect([0, 999, 4200, 59_960, 200_000, 3_725_000].map(formatTime)).toEqual([
      ...["0 ms", "999 ms", "4.2 s", "1 min 0 s", "3 min 20 s", "1 h 2 min"],
    ]);
  });
});
