/** What may come next on a command line, worked out from the catalog: for the shells' completion. */
import { catalog, findCommand } from "./catalog.ts";
import type { Command } from "./command.ts";
import { commandOptions } from "./command-line.ts";
import { globalOptions } from "./global-options.ts";
import { flagOf, type Flag } from "./options.ts";
import { splitLine } from "./split-line.ts";

export interface Candidate {
  readonly word: string;
  readonly description: string;
}

export interface Completions {
  readonly candidates: readonly Candidate[];
  /** Files may come here, too. */
  readonly files: boolean;
}

export interface KnownContainer {
  readonly name: string;
  readonly isRunning: boolean;
}

/** What the store of the command line has; asked only when it is wanted. */
export interface KnownNames {
  containers(): Promise<readonly KnownContainer[]>;
  /** As people write them. */
  images(): Promise<readonly string[]>;
}

const nothing: Completions = { candidates: [], files: false };
const needsRunning = new Set(["stop", "kill", "exec", "attach", "pause", "unpause", "top", "stats", "wait"]);
const needsStopped = new Set(["start"]);

/** @param words those before the one at the cursor, without "laminate". */
export async function complete(words: readonly string[], current: string, known: KnownNames): Promise<Completions> {
  const { path, after } = splitLine(words);
  const entry = findCommand(path);
  if (entry === undefined) return starting(commandWords(path, words), current);
  const { command } = await entry.load();
  const specs = [...commandOptions(command), ...globalOptions];
  const flags = specs.map(flagOf);
  const waiting = optionWaiting(after.at(-1), flags);
  if (waiting !== undefined) {
    const spec = specs[flags.indexOf(waiting)];
    const values = (spec?.choices ?? []).map((word) => ({ word, description: "" }));
    return starting(values, current, /<(?:file|dir|source|folder|path)>/.test(spec?.flags ?? ""));
  }
  if (current.startsWith("-") && !(command.stopsAtFirstArgument === true && argumentsIn(after, flags) > 0)) {
    return starting(
      specs.flatMap(({ flags: text, description }) =>
        [...text.matchAll(/--?[a-zA-Z][a-z-]*/g)].map(([word]) => ({ word, description })),
      ),
      current,
    );
  }
  return argument(entry.names[0] ?? path, command, argumentsIn(after, flags), current, known);
}

/** Names of commands, after what is there of one. */
function commandWords(path: string, words: readonly string[]): readonly Candidate[] {
  if (path === "") {
    if (words.length > 0 && optionWaiting(words.at(-1), globalOptions.map(flagOf)) !== undefined) return [];
    const globals = globalOptions.map(({ flags, description }) => ({
      word: `--${flagOf({ flags }).long}`,
      description,
    }));
    return [...firstWords(), ...globals];
  }
  return catalog.flatMap(({ names, summary }) =>
    names
      .filter((name) => name.startsWith(`${path} `))
      .map((name) => ({ word: name.slice(path.length + 1), description: summary })),
  );
}

function firstWords(): readonly Candidate[] {
  const found = new Map<string, string>();
  for (const { names, summary } of catalog) {
    for (const name of names) {
      const [first = name, second] = name.split(" ");
      if (second === undefined) found.set(first, summary);
      else if (!found.has(first)) found.set(first, `commands of ${first}`);
    }
  }
  return [...found].map(([word, description]) => ({ word, description }));
}

function optionWaiting(word: string | undefined, flags: readonly Flag[]): Flag | undefined {
  if (word === undefined) return undefined;
  return flags.find(
    ({ long, short, takesValue }) =>
      takesValue && (word === `--${long}` || (short !== "" && new RegExp(`^-[a-zA-Z]*${short}$`).test(word))),
  );
}

function argumentsIn(words: readonly string[], flags: readonly Flag[]): number {
  let count = 0;
  words.forEach((word, at) => {
    const isValue = optionWaiting(words[at - 1], flags) !== undefined;
    if (!isValue && (!word.startsWith("-") || word === "-")) count++;
  });
  return count;
}

async function argument(
  name: string,
  command: Command,
  index: number,
  current: string,
  known: KnownNames,
): Promise<Completions> {
  const places = command.arguments.split(" ").filter((each) => each !== "");
  const place = places[index] ?? (places.at(-1)?.includes("...") === true ? places.at(-1) : undefined);
  const kind = place?.replaceAll(/[^a-z]/g, "");
  switch (kind) {
    case "container":
      return starting(await containers(name, known), current);
    case "image":
    case "repository":
      return starting(await images(known), current);
    case "name":
    case "other":
      return starting([...(await containers(name, known)), ...(await images(known))], current);
    case "source":
    case "target": {
      const isCopy = name === "cp";
      const named = isCopy && !/[/.:]/.test(current) ? await containers(name, known) : [];
      return starting(
        named.map(({ word, description }) => ({ word: `${word}:`, description })),
        current,
        true,
      );
    }
    case "file":
      return starting([], current, true);
    case "shell":
      return starting(
        ["bash", "zsh", "fish"].map((word) => ({ word, description: "" })),
        current,
      );
    default:
      return nothing;
  }
}

async function containers(name: string, known: KnownNames): Promise<readonly Candidate[]> {
  const all = await known.containers();
  const fitting = all.filter(({ isRunning }) =>
    needsRunning.has(name) ? isRunning : needsStopped.has(name) ? !isRunning : true,
  );
  return fitting.map(({ name: word, isRunning }) => ({ word, description: isRunning ? "running" : "stopped" }));
}

async function images(known: KnownNames): Promise<readonly Candidate[]> {
  return (await known.images()).map((word) => ({ word, description: "image" }));
}

function starting(candidates: readonly Candidate[], current: string, files = false): Completions {
  return { candidates: candidates.filter(({ word }) => word.startsWith(current)), files };
}
