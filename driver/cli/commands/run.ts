import { readFile } from "node:fs/promises";
import type { CreateOptions, RunningProcess } from "../../index.ts";
import type { Command, CommandContext } from "../command.ts";
import { codeOf, exitCodeOf, UsageError } from "../errors.ts";
import type { OptionValues } from "../options.ts";

const usageExitCode = 125;

export const command: Command = {
  arguments: "<image> [command...]",
  options: [
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
  ],
  examples: [
    "laminate run --rm debian cat /etc/os-release",
    "laminate run --name base-container -ti ubuntu",
    "laminate run --rm -e MODE=test -w /app app node app.js --port 80",
  ],
  stopsAtFirstArgument: true,
  usageExitCode,

  async run(context, [image = "", ...words], options) {
    const interactive = options.isOn("interactive");
    const tty = options.isOn("tty");
    if (tty && !process.stdin.isTTY) throw new UsageError("-t needs a terminal, and standard input is none");
    const create: CreateOptions = {
      image,
      command: words,
      env: await variables(options, context.env),
      tty,
      interactive,
      autoRemove: options.isOn("rm"),
      ...entrypointOf(options.text("entrypoint")),
      ...given("name", options.text("name")),
      ...given("workdir", options.text("workdir")),
      ...given("user", options.text("user")),
      ...given("hostname", options.text("hostname")),
    };
    return { exitCode: await runToItsEnd(context, create) };
  },
};

async function runToItsEnd({ storage, signal, interrupts }: CommandContext, create: CreateOptions): Promise<number> {
  let takeBack: (() => void) | undefined;
  try {
    const { containers } = await storage();
    signal.throwIfAborted();
    const { id } = await containers.create(create);
    const { exitCode } = await containers.run(id, {
      stdio: "inherit",
      signal,
      onStart: (started) => {
        takeBack = interrupts.handOver(forwarder(started), create.tty === true ? ["SIGWINCH"] : []);
      },
    });
    return exitCode;
  } catch (error) {
    throw withExitCode(error);
  } finally {
    takeBack?.();
  }
}

/** The program decides what a signal means; a second Ctrl-C is for one that does not listen. */
function forwarder(started: RunningProcess): (signal: NodeJS.Signals) => void {
  let interrupted = false;
  return (signal) => {
    started.kill(signal === "SIGINT" && interrupted ? "SIGKILL" : signal);
    interrupted ||= signal === "SIGINT";
  };
}

/** Whatever fails before the program runs is ours: 125. */
function withExitCode(error: unknown): unknown {
  if (!(error instanceof Error) || codeOf(error) === undefined || exitCodeOf(error) !== 1) return error;
  return Object.assign(new Error(error.message, { cause: error }), {
    code: codeOf(error),
    details: { exitCode: usageExitCode },
  });
}

function given<Key extends string>(key: Key, value: string | undefined): Partial<Record<Key, string>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, string>);
}

function entrypointOf(text: string | undefined): Pick<CreateOptions, "entrypoint"> {
  if (text === undefined) return {};
  return { entrypoint: text === "" ? [] : [text] };
}

/** Files first, so that -e wins. A name alone takes our value, and removes the image's where we have none. */
async function variables(
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
