/** One command from its words to its exit code. */
import { findCommand, isGroup } from "./catalog.ts";
import type { Command, CommandContext, Result } from "./command.ts";
import type { ParsedCommand } from "./command-line.ts";
import { errorLine, exitCodeOf, UsageError } from "./errors.ts";
import { globalOptions, storageOptions } from "./global-options.ts";
import { Interrupts } from "./interrupts.ts";
import { OptionValues } from "./options.ts";
import { splitLine } from "./split-line.ts";
import { type OutputForm, outputForm, outputOf, writeOut } from "./print.ts";
import { progressMode } from "./progress-mode.ts";
import { packageVersion } from "./version.ts";
import type { Storage, StorageOptions } from "../index.ts";

/** 128 + SIGPIPE: nobody reads what we write. */
const brokenPipeExitCode = 141;

/** @param words without node and script. Returns the exit code; never throws for a failed command. */
export async function runProgram(words: readonly string[]): Promise<number> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? brokenPipeExitCode : 1);
  });
  process.stderr.on("error", () => undefined);
  if (words[0] === "__complete") {
    const { answerShell } = await import("./answer-shell.ts");
    await writeOut((await answerShell(words.slice(2))).map((line) => `${line}\n`).join(""));
    return 0;
  }
  const { path, before, after } = splitLine(words);
  const entry = findCommand(path);
  try {
    if (entry !== undefined) return await runCommand(path, (await entry.load()).command, before, after);
    return await runWithoutCommand(path, before, after);
  } catch (error) {
    return fail(error, "laminate --help");
  }
}

async function runWithoutCommand(path: string, before: readonly string[], after: readonly string[]): Promise<number> {
  const asked = [...before, ...after];
  if (path === "" && (asked.includes("--version") || asked.includes("-v"))) {
    await writeOut(`laminate version ${packageVersion()}\n`);
    return 0;
  }
  const [{ parseGlobals }, { overview, suggestions }] = await Promise.all([
    import("./command-line.ts"),
    import("./help.ts"),
  ]);
  const isHelp = ["--help", "-h"].some((word) => asked.includes(word));
  if (path === "" || isGroup(path) || (path === "help" && after.length === 0)) {
    parseGlobals(before.filter((word) => word !== "--help" && word !== "-h"));
    await writeOut(overview(isGroup(path) ? path : ""));
    return path === "" && !isHelp && before.length > 0 ? 1 : 0;
  }
  if (path === "help") return runProgram([...after, "--help"]);
  const near = suggestions(path.split(" ")[0] ?? "");
  throw new UsageError(
    `${JSON.stringify(path)} is not a command${near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`}`,
  );
}

async function runCommand(
  path: string,
  command: Command,
  before: readonly string[],
  after: readonly string[],
): Promise<number> {
  const { asksForHelp, commandParser, parseCommand, parseGlobals } = await import("./command-line.ts");
  if (asksForHelp(command, after) || before.includes("--help") || before.includes("-h")) {
    let text = "";
    commandParser(path, command)
      .configureOutput({ writeOut: (part) => (text += part) })
      .outputHelp();
    await writeOut(text);
    return 0;
  }
  let parsed: ParsedCommand;
  let form: OutputForm;
  let globals: OptionValues;
  try {
    const early = parseGlobals(before);
    parsed = parseCommand(path, command, after);
    form = await outputForm(command, parsed.options);
    globals = mergedGlobals(early, parsed.options);
  } catch (error) {
    const exitCode = fail(error, `laminate ${path} --help`);
    return error instanceof UsageError ? (command.usageExitCode ?? exitCode) : exitCode;
  }

  using interrupts = new Interrupts();
  let storage: Promise<Storage> | undefined;
  const context: CommandContext = {
    storage: (extra) => (storage ??= openStorage(globals, extra)),
    signal: interrupts.signal,
    interrupts,
    progress: progressMode(globals.text("progress"), process.stderr, process.env),
    env: process.env,
    now: new Date(),
  };
  try {
    const result = await command.run(context, parsed.words, parsed.options);
    return await report(result, form);
  } catch (error) {
    // An aborted command may fail with the abort or with what came of it.
    const cause: unknown = interrupts.signal.aborted ? interrupts.signal.reason : error;
    const exitCode = fail(cause, error instanceof UsageError ? `laminate ${path} --help` : undefined);
    return error instanceof UsageError ? (command.usageExitCode ?? exitCode) : exitCode;
  } finally {
    const opened = await storage?.catch(() => undefined);
    await opened?.[Symbol.asyncDispose]();
  }
}

async function openStorage(globals: OptionValues, extra?: StorageOptions): Promise<Storage> {
  const { createStorage } = await import("../door.ts");
  return createStorage({ ...storageOptions(globals), ...extra });
}

function mergedGlobals(early: OptionValues, late: OptionValues): OptionValues {
  const names = globalOptions.map(({ flags }) => /--([a-z]+)/.exec(flags)?.[1] ?? "");
  return new OptionValues(Object.fromEntries(names.map((name) => [name, late.text(name) ?? early.text(name)])));
}

async function report(result: Result, form: OutputForm): Promise<number> {
  await writeOut(outputOf(result, form));
  const failures = result.failures ?? [];
  for (const failure of failures) fail(failure);
  return result.exitCode ?? (failures.length === 0 ? 0 : 1);
}

function fail(error: unknown, help?: string): number {
  const more = help === undefined ? "" : `; see '${help}'`;
  const isUsage = error instanceof UsageError;
  process.stderr.write(`${errorLine(error, process.env)}${isUsage ? more : ""}\n`);
  return exitCodeOf(error);
}
