#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/**
 * The `laminate` command. This folder turns words into calls of the library and answers into text; it enters the library
 * by driver/index.ts like anyone else.
 *
 * This file must load on any Node: it says what is missing where the rest would only fail to parse.
 */
const wanted = [22, 19] as const;
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  process.stderr.write(
    `laminate: this is Node ${process.versions.node}, and laminate needs ${wanted.join(".")} or newer\n`,
  );
  process.exitCode = 1;
} else if (process.argv.length === 3 && ["--version", "-v"].includes(process.argv[2] ?? "")) {
  const { packageVersion } = await import("./version.ts");
  process.stdout.write(`laminate version ${packageVersion()}\n`);
} else {
  const { runProgram } = await import("./program.ts");
  process.exitCode = await runProgram(process.argv.slice(2));
}
