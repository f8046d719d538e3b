import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogLine, LogOptions } from "../../../driver/container/container.ts";
import { readLog } from "../../../driver/container/log-reader.ts";
import { LogWriter } from "../../../driver/container/log-writer.ts";
import { TestFolder } from "./fixtures.ts";

async function linesOf(path: string, options: LogOptions = {}): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of readLog(path, () => false, options)) lines.push(line);
  return lines;
}

function textsOf(lines: readonly LogLine[]): readonly string[] {
  return lines.map(({ text }) => text);
}

describe("the log of a container", () => {
  it("LogWriter keeps what was written, however it was cut, and tells the streams apart", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", "ß", "€", "😀", "\n", '"', "\\"), maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(text, text, fc.array(fc.nat({ max: 7 })), async (out, err, cuts) => {
        using folder = new TestFolder();
        const path = join(folder.path, "log");
        {
          using log = new LogWriter(path);
          const bytes = Buffer.from(out);
          let at = 0;
          for (const cut of [...cuts, bytes.length]) {
            log.write("stdout", bytes.subarray(at, at + cut));
            at = Math.min(bytes.length, at + cut);
          }
          log.write("stderr", Buffer.from(err));
          log.end("stdout");
          log.end("stderr");
        }
        const lines = await linesOf(path);
        const of = (stream: string): string => textsOf(lines.filter((line) => line.stream === stream)).join("");
        expect({ out: of("stdout"), err: of("stderr") }).toEqual({ out, err });
        for (const { text: line } of lines) expect(line.indexOf("\n")).toBe(line.includes("\n") ? line.length - 1 : -1);
      }),
      { numRuns: 50 },
    );
  });

  it("LogWriter cuts very long lines between characters, and does not hoard them", async () => {
    using folder = new TestFolder();
    const path = join(folder.path, "log");
    using log = new LogWriter(path);
    const long = "€".repeat(100_000);
    log.write("stdout", Buffer.from(long));
    expect(readFileSync(path).length).toBeGreaterThan(280_000);
    log.end("stdout");
    const texts = textsOf(await linesOf(path));
    expect(texts.join("")).toBe(long);
    expect(Math.max(...texts.map((text) => Buffer.byteLength(text)))).toBeLessThanOrEqual(16 * 1024);
  });

  it("readLog gives the last lines, those of a time, and leaves out what a crash has cut", async () => {
    using folder = new TestFolder();
    const entries = [1, 2, 3].map((hour) =>
      JSON.stringify({ log: `${hour}\n`, stream: "stdout", time: `2026-01-01T0${hour}:00:00Z` }),
    );
    const path = folder.write("log", `${entries.join("\n")}\n{"log":"cu`);
    expect(textsOf(await linesOf(path))).toEqual(["1\n", "2\n", "3\n"]);
    expect(textsOf(await linesOf(path, { tail: 2 }))).toEqual(["2\n", "3\n"]);
    expect(textsOf(await linesOf(path, { tail: 0 }))).toEqual([]);
    const since = Date.parse("2026-01-01T02:00:00Z");
    expect(textsOf(await linesOf(path, { since }))).toEqual(["2\n", "3\n"]);
    expect(textsOf(await linesOf(path, { until: since }))).toEqual(["1\n", "2\n"]);
    expect(await linesOf(join(folder.path, "none"))).toEqual([]);
  });

  it("readLog follows until the container has ended, and misses nothing", async () => {
    using folder = new TestFolder();
    const path = folder.write("log", "");
    const entry = (text: string): string =>
      `${JSON.stringify({ log: text, stream: "stderr", time: "2026-01-01T00:00:00Z" })}\n`;
    let looks = 0;
    const isRunning = (): boolean => {
      looks++;
      appendFileSync(path, entry(`${looks}\n`));
      return looks < 3;
    };
    const texts: string[] = [];
    for await (const { text } of readLog(path, isRunning, { follow: true, tail: 0 })) texts.push(text);
    expect(texts).toEqual(["2\n", "3\n"]);
  });
});
