/**
 * Changes to a container config in the words of a Dockerfile: what `commit -c` and `import -c` take, and what they make
 * of it, as Docker does (moby daemon/builder/dockerfile/dispatchers.go).
 */
import { posix } from "node:path";
import { StorageError } from "../base/errors.ts";
import { expandWord, splitWords, type Variables } from "./change-words.ts";
import { readHealthcheck } from "./healthcheck.ts";
import { objectAt, type RawObject, stringAt, stringsAt, withFields } from "./raw-config.ts";

/** What a container is run by: the `config` of an image config, its fields not looked at. */
export type RawContainerConfig = RawObject;

interface Change {
  /** In capitals. */
  readonly name: string;
  readonly rest: string;
}

interface State {
  readonly config: RawContainerConfig;
  /** A CMD among these changes survives an ENTRYPOINT after it; one of before does not. */
  readonly hasOwnCmd: boolean;
}

type Apply = (state: State, rest: string) => RawObject;

const defaultShell = ["/bin/sh", "-c"];

const instructions: Readonly<Record<string, Apply>> = {
  CMD: ({ config }, rest) => ({ Cmd: commandOf(config, "CMD", rest) }),
  ENTRYPOINT: ({ config, hasOwnCmd }, rest) => ({
    Entrypoint: commandOf(config, "ENTRYPOINT", rest),
    ...(!hasOwnCmd && { Cmd: undefined }),
  }),
  ENV: ({ config }, rest) => ({ Env: withVariables(stringsAt(config, "Env"), pairs("ENV", config, rest)) }),
  EXPOSE: ({ config }, rest) => ({ ExposedPorts: withKeys(config, "ExposedPorts", ports(config, rest)) }),
  LABEL: ({ config }, rest) => ({
    Labels: { ...objectAt(config, "Labels"), ...Object.fromEntries(pairs("LABEL", config, rest)) },
  }),
  ONBUILD: ({ config }, rest) => ({ OnBuild: [...stringsAt(config, "OnBuild"), trigger(rest)] }),
  USER: ({ config }, rest) => ({ User: single("USER", config, rest) }),
  VOLUME: ({ config }, rest) => ({ Volumes: withKeys(config, "Volumes", volumes(config, rest)) }),
  WORKDIR: ({ config }, rest) => ({
    WorkingDir: posix.resolve("/", stringAt(config, "WorkingDir"), requireText("WORKDIR", expand(config, rest))),
  }),
  HEALTHCHECK: (_state, rest) => ({ Healthcheck: readHealthcheck(rest, readCommand) }),
  STOPSIGNAL: ({ config }, rest) => ({ StopSignal: signal(single("STOPSIGNAL", config, rest)) }),
};

/**
 * Applies `changes` in order; each may hold several lines. Without an entrypoint, a command that was cleared stays what
 * it was.
 * @throws {StorageError} ERR_INVALID_ARGUMENT: "… X is not a valid change command", or what is wrong with one.
 */
export function applyChanges(config: RawContainerConfig, changes: readonly string[]): RawContainerConfig {
  let state: State = { config, hasOwnCmd: false };
  for (const { name, rest } of changes.flatMap(readChanges)) {
    const apply = Object.hasOwn(instructions, name) ? instructions[name] : undefined;
    if (apply === undefined) {
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot change image: ${name} is not a valid change command`);
    }
    state = {
      config: withFields(state.config, apply(state, rest)),
      hasOwnCmd: state.hasOwnCmd || name === "CMD",
    };
  }
  const hasNothingToRun = ["Entrypoint", "Cmd"].every((field) => stringsAt(state.config, field).length === 0);
  return hasNothingToRun ? withFields(state.config, { Cmd: config["Cmd"] }) : state.config;
}

/** Lines, those that end in a backslash joined with the next; comments and blank ones are nothing. */
function readChanges(text: string): readonly Change[] {
  return text
    .replace(/\\[ \t]*\r?\n/g, "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", rest = ""] = /^(\S+)\s*([^]*)$/.exec(line) ?? [];
      return { name: name.toUpperCase(), rest };
    });
}

function commandOf(config: RawContainerConfig, name: string, text: string): readonly string[] {
  const command = readCommand(text);
  if ("words" in command) return command.words;
  const shell = stringsAt(config, "Shell");
  return [...(shell.length > 0 ? shell : defaultShell), requireText(name, command.shell)];
}

/** A JSON array of strings is a command's words; anything else, a broken array too, is a line for the shell. */
function readCommand(text: string): { readonly words: readonly string[] } | { readonly shell: string } {
  const words = jsonArray(text);
  return words === undefined ? { shell: text } : { words };
}

function jsonArray(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (value.every((item) => typeof item === "string")) return value;
  throw new StorageError("ERR_INVALID_ARGUMENT", `cannot change image: not all of ${text} are strings`);
}

/** `KEY=value KEY="other value"`, or the old form: `KEY` and all the rest. */
function pairs(name: string, config: RawContainerConfig, text: string): readonly (readonly [string, string])[] {
  const words = splitWords(text);
  const variables = variablesOf(config);
  const [first] = words;
  if (first === undefined) throw invalid(name, "it has no arguments");
  if (!first.includes("=")) {
    const [, key = "", value = ""] = /^(\S+)\s*([^]*)$/.exec(text) ?? [];
    if (value === "") throw invalid(name, "it must have two arguments");
    return [pair(name, expandWord(key, variables), expandWord(value, variables))];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0) throw invalid(name, `there is no = in ${JSON.stringify(word)}; write name=value`);
    return pair(name, expandWord(word.slice(0, equals), variables), expandWord(word.slice(equals + 1), variables));
  });
}

function pair(name: string, key: string, value: string): readonly [string, string] {
  if (key === "") throw invalid(name, "a name is empty");
  if (name === "ENV" && /[=\0]/.test(key)) throw invalid(name, `${JSON.stringify(key)} is not a variable's name`);
  if (value.includes("\0")) throw invalid(name, `the value of ${key} holds a NUL`);
  return [key, value];
}

/** A variable that is there keeps its place. */
function withVariables(env: readonly string[], added: readonly (readonly [string, string])[]): readonly string[] {
  const result = [...env];
  for (const [key, value] of added) {
    const at = result.findIndex((variable) => variable.startsWith(`${key}=`) || variable === key);
    result[at < 0 ? result.length : at] = `${key}=${value}`;
  }
  return result;
}

function withKeys(config: RawContainerConfig, field: string, keys: readonly string[]): RawObject {
  return { ...objectAt(config, field), ...Object.fromEntries(keys.map((key) => [key, {}])) };
}

function ports(config: RawContainerConfig, text: string): readonly string[] {
  const words = splitWords(text).flatMap((word) => splitWords(expand(config, word)));
  if (words.length === 0) throw invalid("EXPOSE", "it has no arguments");
  return words.flatMap((word) => {
    const [, first = "", last = first, protocol = "tcp"] =
      /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === "" || from < 1 || to > 65_535 || from > to) {
      throw invalid("EXPOSE", `${JSON.stringify(word)} is not a port; write 80, 80/udp or 8000-8010/tcp`);
    }
    return Array.from({ length: to - from + 1 }, (_, step) => `${from + step}/${protocol.toLowerCase()}`);
  });
}

function volumes(config: RawContainerConfig, text: string): readonly string[] {
  const words = (jsonArray(text) ?? splitWords(text)).map((word) => expand(config, word).trim());
  if (words.length === 0 || words.includes("")) throw invalid("VOLUME", "a volume needs a path");
  return words;
}

function trigger(text: string): string {
  const instruction = requireText("ONBUILD", text);
  const name = (splitWords(instruction)[0] ?? "").toUpperCase();
  if (["ONBUILD", "FROM", "MAINTAINER"].includes(name)) throw invalid("ONBUILD", `${name} is not allowed as a trigger`);
  return instruction;
}

/** Signals by number, or by name with or without SIG. */
function signal(text: string): string {
  const known = /^(?:SIG)?(?:RTMIN(?:\+\d{1,2})?|RTMAX(?:-\d{1,2})?|[A-Z]{2,7}\d?)$/i.test(text);
  const isNumber = /^[0-9]{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= 64;
  if (known || isNumber) return text;
  throw invalid("STOPSIGNAL", `${JSON.stringify(text)} is not a signal`);
}

function single(name: string, config: RawContainerConfig, text: string): string {
  const words = splitWords(text);
  if (words.length !== 1) throw invalid(name, "it takes exactly one argument");
  return requireText(name, expand(config, text));
}

function expand(config: RawContainerConfig, word: string): string {
  return expandWord(word, variablesOf(config));
}

function variablesOf(config: RawContainerConfig): Variables {
  const env = stringsAt(config, "Env");
  return (name) => env.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);
}

function requireText(name: string, text: string): string {
  if (text === "") throw invalid(name, "it needs an argument");
  if (text.includes("\0")) throw invalid(name, "it holds a NUL");
  return text;
}

function invalid(name: string, reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot change ${name}: ${reason}`);
}
