/** Help for the whole and for groups of commands. */
import { catalog } from "./catalog.ts";
import { globalOptions } from "./global-options.ts";

/** @param group "" for all. */
export function overview(group: string): string {
  const title = group === "" ? "laminate" : `laminate ${group}`;
  const prefix = group === "" ? "" : `${group} `;
  const rows = catalog.flatMap(({ names, summary }) => {
    const shown = group === "" ? names.slice(0, 1) : names.filter((name) => name.startsWith(prefix)).slice(0, 1);
    return shown.map((name): readonly [string, string] => [name.slice(prefix.length), summary]);
  });
  const options = globalOptions.map(({ flags, description }): readonly [string, string] => [flags, description]);
  return [
    `Usage: ${title} [options] <command> [arguments...]`,
    "",
    "Container images as layers: load them once, share what is equal, mount and run the result.",
    "",
    "Commands:",
    ...columns(rows),
    "",
    "Global options:",
    ...columns([...options, ["-v, --version", "show the version"], ["-h, --help", "show this help"]]),
    "",
    `'laminate <command> --help' tells more about a command, with examples.`,
    "",
  ].join("\n");
}

/** What was meant, perhaps: the nearest names by letters in common. */
export function suggestions(word: string): readonly string[] {
  const words = catalog.flatMap(({ names }) => names.map((name) => name.split(" ")[0] ?? ""));
  return [...new Set(words)].filter((name) => distance(name, word) <= 2);
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([name]) => name.length)) + 3;
  return rows.map(([name, text]) => `  ${name.padEnd(width)}${text}`);
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
