/** Options of `run` and `create`, and what they ask for. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import type { CreateOptions } from "../index.ts";
import type { CommandContext, OptionSpec } from "./command.ts";
import { UsageError } from "./errors.ts";
import { hostOf, hostOptions } from "./host-options.ts";
import type { OptionValues } from "./options.ts";
import { ensureImage } from "./pull-image.ts";
import { registryOptions } from "./registry-options.ts";

export const containerOptions: readonly OptionSpec[] = [
  { flags: "--rm", description: "remove the container when its program has ended" },
  { flags: "--name <name>", description: "name of the container; made up if not given" },
  { flags: "-e, --env <variable>", description: "KEY=value, or KEY to pass ours on", repeatable: true },
  { flags: "--env-file <file>", description: "variables, one a line", repeatable: true },
  { flags: "-w, --workdir <dir>", description: "working directory in the container" },
  { flags: "-u, --user <user>", description: "name or uid, with :group or :gid" },
  { flags: "-i, --interactive", description: "the program reads our standard input" },
  { flags: "-t, --tty", description: "the program has a terminal" },
  { flags: "--entrypoint <program>", description: 'instead of the image\'s; "" for none' },
  { flags: "-h, --hostname <name>", description: "host name of the container" },
  ...hostOptions,
  { flags: "--platform <platform>", description: "os/architecture[/variant] that the image must be for" },
  {
    flags: "--pull <when>",
    description: "fetch the image: always, when it is missing (default) or never",
    choices: ["always", "missing", "never"],
  },
  { flags: "-q, --quiet", description: "show no progress of a pull" },
  ...registryOptions,
  { flags: "--cidfile <file>", description: "where to write the id; must not exist" },
];

/** @throws {UsageError} */
export async function createOptions(
  [image = "", ...words]: readonly string[],
  options: OptionValues,
  env: Readonly<Record<string, string | undefined>>,
): Promise<CreateOptions> {
  return {
    image,
    command: words,
    env: await variables(options, env),
    tty: options.isOn("tty"),
    interactive: options.isOn("interactive"),
    autoRemove: options.isOn("rm"),
    host: hostOf(options),
    ...entrypointOf(options.text("entrypoint")),
    ...given("name", options.text("name")),
    ...given("workdir", options.text("workdir")),
    ...given("user", options.text("user")),
    ...given("hostname", options.text("hostname")),
    ...given("platform", options.text("platform")),
  };
}

/** Makes the container, and notes its id where that was asked for. @throws {UsageError} */
export async function createContainer(
  context: CommandContext,
  create: CreateOptions,
  options: OptionValues,
): Promise<string> {
  const file = options.text("cidfile");
  if (file !== undefined && existsSync(file)) throw new UsageError(`option --cidfile: ${file} is there already`);
  await ensureImage(context, create, options);
  const { id } = await (await context.storage()).containers.create(create);
  if (file !== undefined) await writeFile(file, id, { flag: "wx" });
  return id;
}

export function given<Key extends string>(key: Key, value: string | undefined): Partial<Record<Key, string>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, string>);
}

function entrypointOf(text: string | undefined): Pick<CreateOptions, "entrypoint"> {
  if (text === undefined) return {};
  return { entrypoint: text === "" ? [] : [text] };
}

/** Files first, so that -e wins. A name alone takes our value, and removes the image's where we have none. */
export async function variables(
  options: OptionValues,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const files = await Promise.all(options.list("env-file").map(readVariables));
  return [...files.flat(), ...options.list("env")].map((variable) => {
    const ours = variable.includes("=") ? undefined : env[variable];
    return ours === undefined ? variable : `${variable}=${ours}`;
  });
}

async function readVariables(file: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const lines = text.split("\n").map((line) => line.replace(/\r$/, "").trimStart());
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}
