/**
 * The part of Go's text/template that `--format` is used with: fields, pipes, functions, if, with, range and variables
 * of range. Parsed once, so that a mistake is told before anything is done; evaluated for each row.
 */
import { UsageError } from "./errors.ts";
import { templateFunctions } from "./go-template-functions.ts";
import { fieldOf, isTrue, textOf } from "./go-template-values.ts";

export interface Template {
  /** @throws {UsageError} for a field or function that does not fit the data. */
  render(data: unknown): string;
}

type Expression = (scope: Scope) => unknown;
type Node = (scope: Scope) => string;

interface Scope {
  readonly dot: unknown;
  readonly root: unknown;
  readonly variables: ReadonlyMap<string, unknown>;
}

/** @throws {UsageError} for what is not a template. */
export function parseTemplate(text: string): Template {
  const parser = new Parser(text);
  const body = parser.body(["end of template"]);
  return { render: (data) => body({ dot: data, root: data, variables: new Map() }) };
}

interface Piece {
  readonly isAction: boolean;
  readonly text: string;
}

/** Text and actions in turn; `{{-` and `-}}` take away the blanks beside them, comments are nothing. */
function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  const action = /\{\{(-\s)?\s*(\/\*[^]*?\*\/|(?:"(?:\\.|[^"\\])*"|`[^`]*`|[^}"`]|\}(?!\}))*?)\s*(\s-)?\}\}/g;
  let from = 0;
  let trims = false;
  const push = (end: number, trimsEnd: boolean): void => {
    let part = text.slice(from, end);
    if (trims) part = part.trimStart();
    if (trimsEnd) part = part.trimEnd();
    pieces.push({ isAction: false, text: part });
  };
  for (const match of text.matchAll(action)) {
    const [whole, left, inner = "", right] = match;
    push(match.index, left !== undefined);
    if (!inner.startsWith("/*")) pieces.push({ isAction: true, text: inner });
    from = match.index + whole.length;
    trims = right !== undefined;
  }
  push(text.length, false);
  const open = pieces.find((piece) => !piece.isAction && piece.text.includes("{{"));
  if (open !== undefined) throw new UsageError(`template has an action that does not end: ${open.text}`);
  return pieces;
}

class Parser {
  readonly #pieces: readonly Piece[];
  #at = 0;
  /** The word that ended the last body, with what came after it. */
  #ended = "";

  constructor(text: string) {
    this.#pieces = piecesOf(text);
  }

  /** Up to an action that begins with one of `ends`. */
  body(ends: readonly string[]): Node {
    const nodes: Node[] = [];
    for (;;) {
      const piece = this.#pieces[this.#at++];
      if (piece === undefined) {
        if (ends.includes("end of template")) return join(nodes);
        throw new UsageError("template lacks an {{end}}");
      }
      if (!piece.isAction) {
        nodes.push(() => piece.text);
        continue;
      }
      const [, word = "", rest = ""] = /^([a-z]*)\s*([^]*)$/.exec(piece.text) ?? [];
      if (ends.includes(word) && (word === "else" || rest === "")) {
        this.#ended = piece.text;
        return join(nodes);
      }
      if (word === "end" || word === "else") throw new UsageError(`template has an {{${word}}} too many`);
      if (word === "if" || word === "with") nodes.push(this.#condition(word, rest));
      else if (word === "range") nodes.push(this.#range(rest));
      else nodes.push(printed(parsePipeline(piece.text)));
    }
  }

  #condition(word: string, text: string): Node {
    const condition = parsePipeline(text);
    const then = this.body(["else", "end"]);
    const otherwise = this.#else();
    return (scope) => {
      const value = condition(scope);
      if (!isTrue(value)) return otherwise(scope);
      return then(word === "with" ? { ...scope, dot: value } : scope);
    };
  }

  #else(): Node {
    if (this.#ended === "end") return () => "";
    const more = /^else\s+(if|with)\s+([^]*)$/.exec(this.#ended);
    if (more !== null) return this.#condition(more[1] ?? "", more[2] ?? "");
    return this.body(["end"]);
  }

  #range(text: string): Node {
    const [, names = "", pipeline = text] = /^((?:\$\w+\s*,\s*)?\$\w+)\s*:=\s*([^]*)$/.exec(text) ?? [];
    const listed = parsePipeline(pipeline);
    const each = this.body(["else", "end"]);
    const otherwise = this.#else();
    const [first, second] = names.split(/\s*,\s*/).filter(Boolean);
    return (scope) => {
      const entries = entriesOf(listed(scope));
      if (entries.length === 0) return otherwise(scope);
      return entries
        .map(([key, value]) => {
          const variables = new Map(scope.variables);
          if (second !== undefined && first !== undefined) variables.set(first, key).set(second, value);
          else if (first !== undefined) variables.set(first, value);
          return each({ ...scope, dot: value, variables });
        })
        .join("");
    };
  }
}

function join(nodes: readonly Node[]): Node {
  return (scope) => nodes.map((node) => node(scope)).join("");
}

function printed(expression: Expression): Node {
  return (scope) => textOf(expression(scope));
}

/** Maps go in order of their keys. */
function entriesOf(value: unknown): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(value)) return value.map((item: unknown, at) => [at, item]);
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  }
  return [];
}

const tokenPattern =
  /\s*(?:("(?:\\.|[^"\\])*")|`([^`]*)`|(-?\d+(?:\.\d+)?)(?![\w.])|(\$?\w*(?:\.\w+)+|\$\w*|\.)|([A-Za-z]\w*)|([()|])|(\S))/y;

interface Token {
  readonly kind: "literal" | "path" | "word" | "mark";
  readonly text: string;
  readonly value?: unknown;
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const source = text.trim();
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < source.length) {
    const match = tokenPattern.exec(source);
    const [, quoted, raw, number, path, word, mark, other] = match ?? [];
    if (quoted !== undefined) tokens.push({ kind: "literal", text: quoted, value: unquoted(quoted) });
    else if (raw !== undefined) tokens.push({ kind: "literal", text: raw, value: raw });
    else if (number !== undefined) tokens.push({ kind: "literal", text: number, value: Number(number) });
    else if (path !== undefined) tokens.push({ kind: "path", text: path });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else if (mark !== undefined) tokens.push({ kind: "mark", text: mark });
    else throw new UsageError(`template has an unexpected ${JSON.stringify(other ?? "")} in {{${text}}}`);
  }
  return tokens;
}

function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw new UsageError(`template has a string that is none: ${text}`);
  }
}

function parsePipeline(text: string): Expression {
  const reader = { tokens: tokensOf(text), at: 0 };
  const expression = pipeline(reader);
  if (reader.at < reader.tokens.length) throw new UsageError(`template has too much in {{${text}}}`);
  return expression;
}

interface Reader {
  readonly tokens: readonly Token[];
  at: number;
}

function pipeline(reader: Reader): Expression {
  let expression = command(reader, undefined);
  while (reader.tokens[reader.at]?.text === "|" && reader.tokens[reader.at]?.kind === "mark") {
    reader.at++;
    expression = command(reader, expression);
  }
  return expression;
}

/** A value, or a function with its arguments; what is piped into it comes last. */
function command(reader: Reader, piped: Expression | undefined): Expression {
  const first = reader.tokens[reader.at];
  if (first?.kind !== "word" || first.text === "true" || first.text === "false" || first.text === "nil") {
    if (piped !== undefined) throw new UsageError("template pipes into what is no function");
    return operand(reader);
  }
  reader.at++;
  const apply = templateFunctions.get(first.text);
  if (apply === undefined) throw new UsageError(`template has no function ${JSON.stringify(first.text)}`);
  const given: Expression[] = [];
  for (let next = reader.tokens[reader.at]; next !== undefined && !isEnd(next); next = reader.tokens[reader.at]) {
    given.push(operand(reader));
  }
  if (piped !== undefined) given.push(piped);
  return (scope) => apply(given.map((argument) => argument(scope)));
}

function isEnd({ kind, text }: Token): boolean {
  return kind === "mark" && (text === ")" || text === "|");
}

function operand(reader: Reader): Expression {
  const token = reader.tokens[reader.at++];
  if (token === undefined) throw new UsageError("template has an empty action");
  if (token.kind === "literal") return () => token.value;
  if (token.kind === "path") return pathOf(token.text);
  if (token.text === "(") {
    const inner = pipeline(reader);
    if (reader.tokens[reader.at++]?.text !== ")")
      throw new UsageError("template has a parenthesis that does not close");
    const after = reader.tokens[reader.at];
    if (after?.kind !== "path" || !/^\.\w/.test(after.text)) return inner;
    reader.at++;
    const fields = after.text.split(".").slice(1);
    return (scope) => fields.reduce(fieldOf, inner(scope));
  }
  if (token.text === "true" || token.text === "false") return () => token.text === "true";
  if (token.text === "nil") return () => null;
  const apply = templateFunctions.get(token.text);
  if (apply === undefined) throw new UsageError(`template has no function ${JSON.stringify(token.text)}`);
  return () => apply([]);
}

/** `.`, `.A.B`, `$`, `$.A`, `$name.A`. */
function pathOf(text: string): Expression {
  const [start = "", ...fields] = text === "." ? [""] : text.split(".");
  return (scope) => {
    if (start !== "" && start !== "$" && !scope.variables.has(start)) {
      throw new UsageError(`template has no variable ${start}`);
    }
    const from = start === "" ? scope.dot : start === "$" ? scope.root : scope.variables.get(start);
    return fields.filter(Boolean).reduce(fieldOf, from);
  };
}
