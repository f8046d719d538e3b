/**
 * containerd's filters, as its clients write them in List requests:
 *
 *     filter    = selector ("," selector)*              all must match
 *     selector  = fieldpath [operator value]            without operator: the field is there
 *     fieldpath = field ("." field)*
 *     field     = quoted | [A-Za-z_][A-Za-z0-9_]*
 *     operator  = "==" | "!=" | "~="                    ~= is a regular expression, found anywhere
 *     value     = quoted | [^ ,]+                       not starting with an operator, quote or separator
 *     quoted    = "…" with Go's escapes; after ~= also /…/ and |…| without any
 *
 * Space between tokens does not count. An empty filter matches everything.
 */
import { StorageError } from "../base/errors.ts";
import { parseGoString } from "./go-string.ts";
import type { SnapshotInfo } from "./snapshotter.ts";

export type SnapshotFilter = (info: SnapshotInfo) => boolean;

type Operator = "==" | "!=" | "~=";

/**
 * A predicate for snapshots that match at least one of `filters`; with none, for all.
 * @throws {StorageError} ERR_INVALID_ARGUMENT naming the filter, the place and what is wrong there.
 */
export function parseFilters(filters: readonly string[]): SnapshotFilter {
  const parsed = filters.map((text) => parseFilter(text));
  return (info) => parsed.length === 0 || parsed.some((matches) => matches(info));
}

function parseFilter(text: string): SnapshotFilter {
  if (text === "") return () => true;
  const scanner = new Scanner(text);
  const selectors = [parseSelector(scanner)];
  while (!scanner.atEnd()) {
    scanner.expect(",");
    selectors.push(parseSelector(scanner));
  }
  return (info) => selectors.every((matches) => matches(info));
}

function parseSelector(scanner: Scanner): SnapshotFilter {
  const path = [scanner.field()];
  while (scanner.take(".")) path.push(scanner.field());
  if (scanner.atEnd() || scanner.at(",")) return (info) => fieldOf(info, path) !== undefined;
  const operator = scanner.operator();
  const start = scanner.position;
  const value = scanner.value(operator === "~=");
  switch (operator) {
    case "==":
      return (info) => fieldOf(info, path) === value;
    case "!=":
      return (info) => (fieldOf(info, path) ?? "") !== value;
    case "~=": {
      const pattern = scanner.pattern(value, start);
      return (info) => pattern.test(fieldOf(info, path) ?? "");
    }
  }
}

/** Undefined for a field that snapshots do not have, and for a label that this one does not have. */
function fieldOf(info: SnapshotInfo, [name, ...rest]: readonly string[]): string | undefined {
  switch (name) {
    case "name":
      return info.name;
    case "parent":
      return info.parent;
    case "kind":
      return info.kind;
    case "labels": {
      const key = rest.join(".");
      return Object.hasOwn(info.labels, key) ? info.labels[key] : undefined;
    }
    default:
      return undefined;
  }
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get position(): number {
    return this.#at;
  }

  atEnd(): boolean {
    this.#skipSpace();
    return this.#at >= this.#text.length;
  }

  at(character: string): boolean {
    this.#skipSpace();
    return this.#text[this.#at] === character;
  }

  take(character: string): boolean {
    if (!this.at(character)) return false;
    this.#at++;
    return true;
  }

  expect(character: string): void {
    if (!this.take(character)) throw this.#error(`expected ${JSON.stringify(character)}`);
  }

  field(): string {
    if (this.at('"')) return this.#quoted();
    return this.#match(/[A-Za-z_][A-Za-z0-9_]*/y, "expected a field name");
  }

  operator(): Operator {
    this.#skipSpace();
    return this.#match(/==|!=|~=/y, "expected ==, != or ~=") as Operator;
  }

  value(isPattern: boolean): string {
    if (this.at('"')) return this.#quoted();
    if (isPattern && (this.at("/") || this.at("|"))) return this.#verbatim();
    return this.#match(/[^\s,."/|=!~][^\s,]*/y, "expected a value");
  }

  pattern(source: string, position: number): RegExp {
    try {
      return new RegExp(source);
    } catch {
      this.#at = position;
      throw this.#error("not a regular expression");
    }
  }

  #quoted(): string {
    const text = this.#match(/"(?:[^"\\\n]|\\.)*"/y, "unterminated quote");
    const value = parseGoString(text);
    if (value === undefined) throw this.#error("invalid escape in quotes");
    return value;
  }

  #verbatim(): string {
    return this.#match(/\/[^/\n]*\/|\|[^|\n]*\|/y, "unterminated quote").slice(1, -1);
  }

  #match(pattern: RegExp, expectation: string): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#error(expectation);
    this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #error(reason: string): StorageError {
    return new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot use filter ${JSON.stringify(this.#text)}: ${reason} at character ${this.#at}`,
    );
  }
}
