import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const folder = resolve(import.meta.dirname, "../../../driver/plugin");
const programs = resolve(import.meta.dirname, "../../../node_modules/.bin");

describe("driver/plugin/gen", () => {
  let copy: string;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), "generate-"));
  });
  afterEach(() => {
    rmSync(copy, { recursive: true });
  });

  it("is what `npm run generate` makes of driver/plugin/proto", () => {
    for (const name of ["proto", "buf.yaml", "buf.gen.yaml"]) {
      cpSync(join(folder, name), join(copy, name), { recursive: true });
    }
    const PATH = `${programs}${delimiter}${process.env["PATH"] ?? ""}`;
    execFileSync(join(programs, "buf"), ["generate"], { cwd: copy, env: { ...process.env, PATH } });
    expect(filesBelow(copy)).toEqual(filesBelow(folder));
  });
});

function filesBelow(dir: string): Readonly<Record<string, string>> {
  const names = globSync("gen/**/*.ts", { cwd: dir }).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(dir, name), "utf8")]));
}
