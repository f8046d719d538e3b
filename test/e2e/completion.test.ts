/** The completion scripts in the shells they are for. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needPrograms } from "../need.ts";

const main = join(import.meta.dirname, "../../driver/cli/main.ts");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "laminate-completion-"));
  const command = join(folder, "laminate");
  writeFileSync(
    command,
    `#!/bin/sh\nexec "${process.execPath}" --disable-warning=ExperimentalWarning "${main}" "$@"\n`,
  );
  chmodSync(command, 0o755);
  writeFileSync(join(folder, "files.tar"), tar([{ path: "a" }]));
  execFileSync(command, ["import", join(folder, "files.tar"), "base:1"], { env: environment() });
});

afterAll(() => {
  removeTree(folder);
});

function environment(): NodeJS.ProcessEnv {
  const path = `${folder}:${process.env["PATH"] ?? ""}`;
  return { ...process.env, PATH: path, HOME: folder, LAMINATE_ROOT: join(folder, "root") };
}

function shell(program: string, script: string): string[] {
  const { stdout, stderr, status } = spawnSync(program, ["-c", script], {
    encoding: "utf8",
    env: environment(),
    cwd: folder,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").filter((line) => line !== "");
}

describe("completion", { timeout: 120_000 }, () => {
  it.skipIf(needPrograms("bash").missing)("completes commands, options, images and files in bash", () => {
    const script = `
      source <(laminate completion bash)
      COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
      try() { COMP_LINE=$1 COMP_POINT=\${#1}; _laminate; printf '%s\\n' "\${COMPREPLY[*]}"; }
      try "laminate image fl"; try "laminate commit --sq"; try "laminate history base:"; try "laminate import fil"
    `;
    expect(shell("bash", script)).toEqual(["flatten", "--squash", "1", "files.tar"]);
  });

  it.skipIf(needPrograms("zsh").missing)("completes commands and images in zsh", () => {
    const script = `
      compdef() { :; }
      _describe() { print -rl -- "\${items[@]}"; }
      _files() { print files; }
      source <(laminate completion zsh)
      try() { local -a words=("$@"); local -i CURRENT=$#; _laminate; }
      try laminate image fl; try laminate history ba; try laminate import x
    `;
    expect(shell("zsh", script)).toEqual(["flatten:Make the layers of an image one", "base\\:1:image", "files"]);
  });

  it.skipIf(needPrograms("fish").missing)("completes commands, images and files in fish", () => {
    const script = `
      laminate completion fish | source
      complete -C "laminate image fl"; complete -C "laminate history ba"; complete -C "laminate import fil"
    `;
    expect(shell("fish", script)).toEqual(["flatten\tMake the layers of an image one", "base:1\timage", "files.tar"]);
  });
});
