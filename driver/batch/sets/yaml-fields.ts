/**
 * YAML and JSON from strangers: bounded, and read field by field. Every error names the file, the line, the key and what
 * is allowed there, and never a value: it might be a password.
 */
import { isNode, LineCounter, parseAllDocuments, type Document, type Node } from "yaml";
import { StorageError } from "../../base/errors.ts";

/** How often aliases may repeat what they stand for, against documents that grow without end. */
const maxAliasCount = 100;

/** Where a value is, for messages. */
export class Place {
  readonly #file: string;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly keys: readonly (string | number)[];

  constructor(file: string, document: Document.Parsed, lines: LineCounter, keys: readonly (string | number)[]) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
    this.keys = keys;
  }

  at(key: string | number): Place {
    return new Place(this.#file, this.#document, this.#lines, [...this.keys, key]);
  }

  /** "file:12: images[3].tags" */
  toString(): string {
    const path = this.keys.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
    return `${this.#file}:${this.#line()}: ${path.replace(/^\./, "") || "it"}`;
  }

  fail(reason: string): StorageError {
    return new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${this.toString()} ${reason}`);
  }

  /** Runs `read`, with this place before the message of what it throws. */
  within<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      throw new StorageError(error.code, `cannot read ${this.toString()}: ${error.message}`, { cause: error });
    }
  }

  /** Of the innermost key on the way that has one. */
  #line(): number {
    for (let length = this.keys.length; length > 0; length--) {
      const node: unknown = this.#document.getIn(this.keys.slice(0, length), true);
      if (isNode(node) && node.range) return this.#lines.linePos(node.range[0]).line;
    }
    const top = this.#document.contents as Node | null;
    return top?.range ? this.#lines.linePos(top.range[0]).line : 1;
  }
}

/** One document as plain values, with its place. */
export interface YamlDocument {
  readonly value: unknown;
  readonly place: Place;
}

/**
 * @param scalars "text" leaves every scalar the text it is, as tools that read into strings do: 1.10 is a tag, not 1.1.
 * @throws {StorageError} ERR_INVALID_ARGUMENT naming file and line.
 */
export function parseYaml(text: string, file: string, scalars: "text" | "typed"): readonly YamlDocument[] {
  const lines = new LineCounter();
  const options = { lineCounter: lines, merge: true, prettyErrors: false, logLevel: "silent" } as const;
  const documents = parseAllDocuments(text, { ...options, schema: scalars === "text" ? "failsafe" : "core" });
  return (Array.isArray(documents) ? documents : []).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) {
      const { line } = lines.linePos(problem.pos[0]);
      throw new StorageError(
        "ERR_INVALID_ARGUMENT",
        `cannot read ${file}:${line}: not YAML: ${wordsFor[problem.code] ?? "it is malformed"}`,
      );
    }
    try {
      // What has no value is an empty text there.
      const reviver = (_: unknown, value: unknown): unknown => (value === "" ? null : value);
      const value: unknown = document.toJS({ maxAliasCount, ...(scalars === "text" && { reviver }) });
      return value === null ? [] : [{ value, place: new Place(file, document, lines, []) }];
    } catch (error) {
      if (!(error instanceof ReferenceError) && !(error instanceof RangeError)) throw error;
      throw new StorageError("ERR_RESOURCE_EXHAUSTED", `cannot read ${file}: its aliases repeat too much`, {
        cause: error,
      });
    }
  });
}

/** The parser's own messages hold pieces of the file. */
const wordsFor: Readonly<Record<string, string>> = {
  BAD_INDENT: "the indentation is wrong",
  BAD_ALIAS: "an alias stands for nothing",
  DUPLICATE_KEY: "a key is there twice",
  MISSING_CHAR: "a colon, comma, quote or bracket is missing",
  TAB_AS_INDENT: "tabs do not indent",
  UNEXPECTED_TOKEN: "something stands where nothing may",
  BLOCK_AS_IMPLICIT_KEY: "a map stands on one line with its key",
  MULTILINE_IMPLICIT_KEY: "a colon is missing after a key",
};

/** A map, read key by key. */
export class YamlFields {
  readonly place: Place;
  readonly #map: Readonly<Record<string, unknown>>;

  /** @param what says what is wanted in its stead: "a map of …". */
  constructor({ value, place }: YamlDocument, what: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw place.fail(`is not ${what}`);
    this.place = place;
    this.#map = value as Record<string, unknown>;
  }

  get keys(): readonly string[] {
    return Object.keys(this.#map);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#map, key) && this.#map[key] !== null;
  }

  /** @throws {StorageError} for a key that is not among `allowed`. */
  allowOnly(allowed: readonly string[]): void {
    for (const key of this.keys)
      if (!allowed.includes(key)) throw this.place.at(key).fail(`is not known; allowed are ${allowed.join(", ")}`);
  }

  /** The keys that are not among `known`, for warnings. */
  others(known: readonly string[]): readonly Place[] {
    return this.keys.filter((key) => !known.includes(key)).map((key) => this.place.at(key));
  }

  value(key: string): YamlDocument {
    return { value: Object.hasOwn(this.#map, key) ? this.#map[key] : undefined, place: this.place.at(key) };
  }

  text(key: string): string {
    return textOf(this.value(key));
  }

  optionalText(key: string): string | undefined {
    return this.has(key) ? this.text(key) : undefined;
  }

  optionalSwitch(key: string): boolean | undefined {
    if (!this.has(key)) return undefined;
    const { value, place } = this.value(key);
    if (value === true || value === "true") return true;
    if (value === false || value === "false") return false;
    throw place.fail("is not true or false");
  }

  map(key: string, what: string): YamlFields {
    return new YamlFields(this.value(key), what);
  }

  /** Empty when the key is not there. */
  list(key: string): readonly YamlDocument[] {
    return this.has(key) ? listOf(this.value(key)) : [];
  }

  texts(key: string): readonly string[] {
    return this.list(key).map(textOf);
  }
}

export function textOf({ value, place }: YamlDocument): string {
  if (typeof value === "string" && value !== "") return value;
  throw place.fail(
    typeof value === "number" || typeof value === "boolean" ? "is not a text: quote it" : "is not a text",
  );
}

export function listOf({ value, place }: YamlDocument): readonly YamlDocument[] {
  if (!Array.isArray(value)) throw place.fail("is not a list");
  return value.map((item: unknown, index) => ({ value: item, place: place.at(index) }));
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
