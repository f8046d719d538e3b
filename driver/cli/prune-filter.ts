/** Docker's conditions on what prune removes: all of them must hold. */
import { parseTime } from "./durations.ts";
import { UsageError } from "./errors.ts";

export interface Prunable {
  /** RFC 3339; null when it is not known. */
  readonly created: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

export const pruneFilterOption = {
  flags: "--filter <condition>",
  description: "until=<time or age>, label=<key>[=<value>], label!=<key>[=<value>]",
  repeatable: true,
} as const;

/**
 * Undefined without conditions.
 * @throws {UsageError} for an unknown one.
 */
export function pruneFilter(conditions: readonly string[], now: Date): ((thing: Prunable) => boolean) | undefined {
  const parsed = conditions.map((condition) => conditionOf(condition, now));
  return parsed.length === 0 ? undefined : (thing) => parsed.every((holds) => holds(thing));
}

function conditionOf(text: string, now: Date): (thing: Prunable) => boolean {
  const [, key, not, value = ""] = /^(until|label)(!?)=(.+)$/s.exec(text) ?? [];
  if (key === "until" && not === "") {
    const until = parseTime("--filter until=", value, now);
    return ({ created }) => created !== null && Date.parse(created) < until;
  }
  if (key === "label") {
    const [, name = "", wanted] = /^([^=]*)(?:=(.*))?$/s.exec(value) ?? [];
    return ({ labels }) => {
      const isThere = Object.hasOwn(labels, name) && (wanted === undefined || labels[name] === wanted);
      return isThere === (not === "");
    };
  }
  throw new UsageError(`option --filter knows no ${JSON.stringify(text)}`);
}
