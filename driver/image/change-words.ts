/**
 * Words of a Dockerfile instruction, as BuildKit's parser splits them (frontend/dockerfile/parser/line_parsers.go) and
 * its shell reads them (frontend/dockerfile/shell/lex.go): quotes, backslashes, $NAME, ${NAME}, ${NAME:-word},
 * ${NAME:+word} and ${NAME:?word}.
 */
import { StorageError } from "../base/errors.ts";

/** Value of a variable, undefined where it is not set. */
export type Variables = (name: string) => string | undefined;

/** Splits at blanks outside of quotes. Quotes and backslashes stay in the words, for {@link expandWord}. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let isOpen = false;
  let quote = "";
  const characters = Array.from(text);
  for (let at = 0; at < characters.length; at++) {
    let character = characters[at] ?? "";
    if (quote === "" && /\s/.test(character)) {
      if (isOpen) words.push(word);
      word = "";
      isOpen = false;
      continue;
    }
    isOpen = true;
    if (character === "\\" && quote !== "'") {
      if (at + 1 === characters.length) break;
      word += character;
      at++;
      character = characters[at] ?? "";
    } else if (character === quote) quote = "";
    else if (quote === "" && (character === '"' || character === "'")) quote = character;
    word += character;
  }
  if (isOpen && word !== "") words.push(word);
  return words;
}

/** @throws {StorageError} ERR_INVALID_ARGUMENT for an open quote or brace, and for an unset ${NAME:?word}. */
export function expandWord(word: string, variables: Variables): string {
  return new WordReader(word, variables).read("");
}

class WordReader {
  readonly #characters: readonly string[];
  readonly #variables: Variables;
  readonly #word: string;
  #at = 0;

  constructor(word: string, variables: Variables) {
    this.#word = word;
    this.#characters = Array.from(word);
    this.#variables = variables;
  }

  /** Up to `stop`, which is read too, or to the end where that is "". */
  read(stop: string): string {
    let result = "";
    for (;;) {
      const character = this.#next();
      if (character === undefined) {
        if (stop === "") return result;
        throw this.#invalid(`no ${stop} to its braces`);
      }
      if (character === stop) return result;
      if (character === "'") result += this.#singleQuoted();
      else if (character === '"') result += this.#doubleQuoted();
      else if (character === "$") result += this.#variable();
      else if (character === "\\") result += this.#next() ?? "";
      else result += character;
    }
  }

  #singleQuoted(): string {
    let result = "";
    for (let character = this.#next(); character !== "'"; character = this.#next()) {
      if (character === undefined) throw this.#invalid("no second single quote");
      result += character;
    }
    return result;
  }

  #doubleQuoted(): string {
    let result = "";
    for (let character = this.#next(); character !== '"'; character = this.#next()) {
      if (character === undefined) throw this.#invalid("no second double quote");
      if (character === "$") {
        result += this.#variable();
      } else if (character === "\\") {
        const escaped = this.#next() ?? "";
        result += escaped === '"' || escaped === "$" || escaped === "\\" ? escaped : `\\${escaped}`;
      } else {
        result += character;
      }
    }
    return result;
  }

  #variable(): string {
    if (this.#characters[this.#at] !== "{") {
      const name = this.#name();
      return name === "" ? "$" : (this.#variables(name) ?? "");
    }
    this.#at++;
    const name = this.#name();
    const first = this.#next();
    if (name === "" || first === undefined) throw this.#invalid("what is in its braces is not a variable");
    const value = this.#variables(name);
    if (first === "}") return value ?? "";
    const operator = first === ":" ? this.#next() : first;
    const isSet = value !== undefined && (first !== ":" || value !== "");
    switch (operator) {
      case "-": {
        const other = this.read("}");
        return isSet ? value : other;
      }
      case "+": {
        const other = this.read("}");
        return isSet ? other : "";
      }
      case "?": {
        const reason = this.read("}");
        if (isSet) return value;
        throw this.#invalid(`${name} ${reason === "" ? "is not set" : reason}`);
      }
      default:
        throw this.#invalid(`\${${name}${first}…} is not supported`);
    }
  }

  #name(): string {
    const rest = this.#characters.slice(this.#at).join("");
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?!$-])/.exec(rest)?.[0] ?? "";
    this.#at += name.length;
    return name;
  }

  #next(): string | undefined {
    const character = this.#characters[this.#at];
    if (character !== undefined) this.#at++;
    return character;
  }

  #invalid(reason: string): StorageError {
    return new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${JSON.stringify(this.#word)}: ${reason}`);
  }
}
