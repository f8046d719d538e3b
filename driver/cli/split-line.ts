/** Where in the words the command is. */
import { isGroup } from "./catalog.ts";
import { globalOptions } from "./global-options.ts";
import { flagOf } from "./options.ts";

export interface SplitLine {
  /** "" if there is none. */
  readonly path: string;
  /** Words before the command: global options. */
  readonly before: readonly string[];
  /** Words after it. */
  readonly after: readonly string[];
}

/** The path is of one word, or of two where the first is a group such as "image". */
export function splitLine(words: readonly string[]): SplitLine {
  const flags = globalOptions.map(flagOf);
  let at = 0;
  while (at < words.length && (words[at] ?? "").startsWith("-")) {
    const takesNext = flags.some(({ long, takesValue }) => takesValue && words[at] === `--${long}`);
    at += takesNext ? 2 : 1;
  }
  const [first = "", second = ""] = words.slice(at, at + 2);
  const isPair = isGroup(first) && second !== "" && !second.startsWith("-");
  const path = isPair ? `${first} ${second}` : first;
  return { path, before: words.slice(0, at), after: words.slice(at + (isPair ? 2 : 1)) };
}
