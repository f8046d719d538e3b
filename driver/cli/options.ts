/** From command lines as Docker's users write them to those that commander reads, and from its values to typed ones. */
import { UsageError } from "./errors.ts";

/** One option, taken apart. */
export interface Flag {
  /** Without dashes. */
  readonly long: string;
  /** One letter, "" for none. */
  readonly short: string;
  readonly takesValue: boolean;
  readonly onByDefault: boolean;
}

export function flagOf({ flags, onByDefault = false }: { flags: string; onByDefault?: boolean }): Flag {
  const long = /--([a-z][a-z-]*)/.exec(flags)?.[1];
  if (long === undefined) throw new TypeError(`no long form in ${flags}`);
  return { long, short: /^-([a-zA-Z])\b/.exec(flags)?.[1] ?? "", takesValue: flags.includes("<"), onByDefault };
}

/**
 * Rewrites words so that every known option stands alone in its long form with "=": `-it`, `-eA=b`, `-e=A`, `--rm=false`,
 * `-H=false`. The last mention of a switch counts. Unknown options stay as they are, to be complained about.
 * @throws {UsageError} for a switch with a value that is neither true nor false, and an option without its value.
 */
export function normalise(words: readonly string[], flags: readonly Flag[], stopsAtFirstArgument = false): string[] {
  const switches = new Map<Flag, boolean>();
  const options: string[] = [];
  const rest: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--") {
      rest.push(...words.slice(index + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      rest.push(word);
      if (!stopsAtFirstArgument) continue;
      rest.push(...words.slice(index + 1));
      break;
    }
    const next = (shown: string): string => {
      index++;
      const value = words[index];
      if (value === undefined) throw new UsageError(`option ${shown} needs a value`);
      return value;
    };
    if (word.startsWith("--")) readLong(word, flags, switches, options, next);
    else readShorts(word, flags, switches, options, next);
  }
  for (const [flag, isOn] of switches) {
    if (isOn) options.push(`--${flag.long}`);
    else if (flag.onByDefault) options.push(`--no-${flag.long}`);
  }
  return [...options, "--", ...rest];
}

type NextWord = (shown: string) => string;

function readLong(
  word: string,
  flags: readonly Flag[],
  switches: Map<Flag, boolean>,
  options: string[],
  next: NextWord,
): void {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const flag = flags.find(({ long }) => long === name);
  if (flag === undefined) options.push(word);
  else if (flag.takesValue) options.push(`--${name}=${equals < 0 ? next(word) : word.slice(equals + 1)}`);
  else setSwitch(switches, flag, equals < 0 ? true : parseSwitch(`--${name}`, word.slice(equals + 1)));
}

function readShorts(
  word: string,
  flags: readonly Flag[],
  switches: Map<Flag, boolean>,
  options: string[],
  next: NextWord,
): void {
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    const flag = flags.find(({ short }) => short === letter);
    const shown = `-${letter}`;
    const after = word.slice(at + 1);
    if (flag === undefined) {
      options.push(shown);
      continue;
    }
    if (flag.takesValue) {
      options.push(`--${flag.long}=${after === "" ? next(shown) : after.replace(/^=/, "")}`);
      return;
    }
    if (after.startsWith("=")) {
      setSwitch(switches, flag, parseSwitch(shown, after.slice(1)));
      return;
    }
    setSwitch(switches, flag, true);
  }
}

function setSwitch(switches: Map<Flag, boolean>, flag: Flag, isOn: boolean): void {
  switches.set(flag, isOn);
}

/** The words Go's flag package takes. */
function parseSwitch(shown: string, value: string): boolean {
  if (/^(?:1|t|true)$/i.test(value)) return true;
  if (/^(?:0|f|false)$/i.test(value)) return false;
  throw new UsageError(`option ${shown} is true or false, not ${JSON.stringify(value)}`);
}

/** Values of options by their long names. */
export class OptionValues {
  readonly #values: Readonly<Record<string, unknown>>;

  /** @param values as commander gives them, by names in camel case. */
  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  isOn(long: string): boolean {
    // commander keeps --no-x as x being false.
    if (long.startsWith("no-")) return this.#get(long.slice("no-".length)) === false;
    return this.#get(long) === true;
  }

  text(long: string): string | undefined {
    const value = this.#get(long);
    return typeof value === "string" ? value : undefined;
  }

  list(long: string): readonly string[] {
    const value = this.#get(long);
    return Array.isArray(value) ? value.map(String) : [];
  }

  #get(long: string): unknown {
    return this.#values[long.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
  }
}
