/** What the words of a command say. */
import { Command as Commander, CommanderError, Option } from "commander";
import { findCommand } from "./catalog.ts";
import type { Command, OptionSpec } from "./command.ts";
import { UsageError } from "./errors.ts";
import { globalOptions } from "./global-options.ts";
import { type Flag, flagOf, normalise, OptionValues } from "./options.ts";

/** @throws {UsageError} for what is not a global option. */
export function parseGlobals(words: readonly string[]): OptionValues {
  const parser = newParser("laminate");
  for (const spec of globalOptions) parser.addOption(optionOf(spec));
  parseWith(parser, normalise(words, globalOptions.map(flagOf)));
  return new OptionValues(parser.opts());
}

export interface ParsedCommand {
  readonly words: readonly string[];
  /** Global options among the command's own are in here too. */
  readonly options: OptionValues;
}

/** @throws {UsageError} */
export function parseCommand(path: string, command: Command, after: readonly string[]): ParsedCommand {
  const parser = commandParser(path, command);
  const flags = [...commandOptions(command), ...globalOptions].map(flagOf);
  parseWith(parser, normalise(after, flags, command.stopsAtFirstArgument));
  return { words: parser.args, options: new OptionValues(parser.opts()) };
}

/** For its help. */
export function commandParser(path: string, command: Command): Commander {
  const parser = newParser(`laminate ${path}`);
  const summary = findCommand(path)?.summary;
  if (summary !== undefined) parser.description(summary);
  if (command.arguments !== "") parser.arguments(command.arguments);
  for (const spec of commandOptions(command)) {
    parser.addOption(optionOf(spec));
    const { long, onByDefault } = flagOf(spec);
    if (onByDefault) parser.addOption(new Option(`--no-${long}`).hideHelp());
  }
  for (const spec of globalOptions) parser.addOption(optionOf(spec).helpGroup("Global options:"));
  const examples = command.examples.map((example) => `  ${example}`).join("\n");
  parser.addHelpText("after", `\nExamples:\n${examples}`);
  return parser;
}

/** True when the command's own words ask for help. */
export function asksForHelp(command: Command, after: readonly string[]): boolean {
  const flags: Flag[] = [...commandOptions(command), ...globalOptions].map(flagOf);
  const taken = new Set(flags.map(({ short }) => short));
  const words = normaliseLeniently(after, flags, command.stopsAtFirstArgument);
  return words.includes("--help") || (words.includes("-h") && !taken.has("h"));
}

function normaliseLeniently(words: readonly string[], flags: readonly Flag[], stops = false): readonly string[] {
  try {
    const normal = normalise(words, flags, stops);
    return normal.slice(0, normal.indexOf("--"));
  } catch (error) {
    if (error instanceof UsageError) return [];
    throw error;
  }
}

/** With those that what it answers with brings along. */
export function commandOptions(command: Command): readonly OptionSpec[] {
  const json = { flags: "--json", description: "print one JSON document" };
  const format = {
    flags: "--format <form>",
    description: 'table, json for one JSON object a line, or a template such as "{{.ID}}"',
  };
  const template = { flags: "-f, --format <form>", description: 'json, or a template such as "{{.Id}}"' };
  return [
    ...command.options,
    ...(command.hasTable === true ? [format] : []),
    ...(command.hasTemplate === true ? [template] : []),
    ...(command.hasTable === true || command.hasDocument === true ? [json] : []),
  ];
}

function optionOf({ flags, description, repeatable, choices, onByDefault }: OptionSpec): Option {
  const option = new Option(flags, description);
  if (choices !== undefined) option.choices(choices);
  if (onByDefault === true) option.default(true);
  if (repeatable === true) {
    option.argParser((value: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), value]);
  }
  return option;
}

function newParser(name: string): Commander {
  return new Commander(name)
    .exitOverride()
    .helpOption("--help", "show this help")
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .configureHelp({ helpWidth: 110 });
}

function parseWith(parser: Commander, words: readonly string[]): void {
  try {
    parser.parse([...words], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " "));
  }
}
