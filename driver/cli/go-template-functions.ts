/** The functions of `--format` templates: Go's own that make sense here, and those that Docker adds. */
import { UsageError } from "./errors.ts";
import { isTrue, textOf } from "./go-template-values.ts";
import { jsonOf } from "./print-json.ts";

type TemplateFunction = (args: readonly unknown[]) => unknown;

function text(value: unknown): string {
  return typeof value === "string" ? value : textOf(value);
}

function list(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new UsageError("template joins or slices what is no list");
}

function number(value: unknown): number {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  throw new UsageError(`template wants a number, not ${JSON.stringify(value)}`);
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  return number(a) - number(b);
}

function isEqual(a: unknown, b: unknown): boolean {
  return typeof a === "bigint" || typeof b === "bigint" ? String(a) === String(b) : a === b;
}

function index([from, ...keys]: readonly unknown[]): unknown {
  return keys.reduce((value, key) => {
    if (Array.isArray(value)) {
      const at = number(key);
      if (at in value) return value[at] as unknown;
      throw new UsageError(`template reaches for element ${at} of ${value.length}`);
    }
    if (typeof value !== "object" || value === null) return undefined;
    return Object.hasOwn(value, text(key)) ? (value as Record<string, unknown>)[text(key)] : undefined;
  }, from);
}

function slice([value, from = 0, to]: readonly unknown[]): unknown {
  const end = to === undefined ? undefined : number(to);
  return typeof value === "string" ? value.slice(number(from), end) : list(value).slice(number(from), end);
}

/** Go's verbs %s %v %q %d %t %x %% with width and "-" and "0". */
function format([pattern, ...values]: readonly unknown[]): string {
  let at = 0;
  return text(pattern).replace(
    /%([-0]?)(\d*)(?:\.(\d+))?([a-z%])/g,
    (whole, flag: string, width: string, digits: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      const value = values[at++];
      const shown = verbText(verb, value, digits) ?? whole;
      if (flag === "-") return shown.padEnd(Number(width));
      return shown.padStart(Number(width), flag === "0" ? "0" : " ");
    },
  );
}

function verbText(verb: string, value: unknown, digits: string | undefined): string | undefined {
  switch (verb) {
    case "s":
    case "v":
      return digits === undefined ? text(value) : text(value).slice(0, Number(digits));
    case "d":
    case "t":
      return text(value);
    case "q":
      return JSON.stringify(text(value));
    case "x":
      return typeof value === "string" ? Buffer.from(value).toString("hex") : number(value).toString(16);
    case "f":
      return number(value).toFixed(digits === undefined ? 6 : Number(digits));
    default:
      return undefined;
  }
}

export const templateFunctions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ["json", ([value]) => jsonOf(value ?? null)],
  ["join", ([values, separator = ""]) => list(values).map(text).join(text(separator))],
  ["split", ([value, separator]) => text(value).split(text(separator))],
  ["lower", ([value]) => text(value).toLowerCase()],
  ["upper", ([value]) => text(value).toUpperCase()],
  [
    "title",
    ([value]) =>
      text(value).replace(
        /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
        (_, before: string, letter: string) => before + letter.toUpperCase(),
      ),
  ],
  ["pad", ([value, before = 0, after = 0]) => " ".repeat(number(before)) + text(value) + " ".repeat(number(after))],
  ["truncate", ([value, length]) => Array.from(text(value)).slice(0, number(length)).join("")],
  ["print", (values) => values.map(text).join("")],
  ["println", (values) => `${values.map(text).join(" ")}\n`],
  ["printf", format],
  ["len", ([value]) => (typeof value === "string" ? Buffer.byteLength(value) : Object.keys(value ?? {}).length)],
  ["index", index],
  ["slice", slice],
  ["eq", ([first, ...others]) => others.some((other) => isEqual(first, other))],
  ["ne", ([a, b]) => !isEqual(a, b)],
  ["lt", ([a, b]) => compare(a, b) < 0],
  ["le", ([a, b]) => compare(a, b) <= 0],
  ["gt", ([a, b]) => compare(a, b) > 0],
  ["ge", ([a, b]) => compare(a, b) >= 0],
  ["and", (values) => values.find((value) => !isTrue(value)) ?? values.at(-1)],
  ["or", (values) => values.find(isTrue) ?? values.at(-1)],
  ["not", ([value]) => !isTrue(value)],
]);
