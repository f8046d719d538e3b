/** `HEALTHCHECK`: how Docker's config writes a command to be tried every now and then. */
import { StorageError } from "../base/errors.ts";
import type { RawObject } from "./raw-config.ts";

/** What comes after CMD, as an instruction reads commands. */
type ReadCommand = (text: string) => { readonly words: readonly string[] } | { readonly shell: string };

const durations: Readonly<Record<string, string>> = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
};

const unitNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  "\u00b5s": 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** @throws {StorageError} ERR_INVALID_ARGUMENT */
export function readHealthcheck(text: string, readCommand: ReadCommand): RawObject {
  const settings: Record<string, unknown> = {};
  let rest = text;
  for (let flag = /^--([a-z-]+)=(\S*)\s*/.exec(rest); flag !== null; flag = /^--([a-z-]+)=(\S*)\s*/.exec(rest)) {
    const [whole, name = "", value = ""] = flag;
    rest = rest.slice(whole.length);
    const field = Object.hasOwn(durations, name) ? durations[name] : undefined;
    if (field !== undefined) settings[field] = nanoseconds(name, value);
    else if (name === "retries") settings["Retries"] = retries(value);
    else throw invalid(`it has no option --${name}`);
  }
  const [, kind = "", command = ""] = /^(\S*)\s*([^]*)$/.exec(rest) ?? [];
  if (kind.toUpperCase() === "NONE") {
    if (command !== "" || rest !== text) throw invalid("NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  if (kind.toUpperCase() !== "CMD") throw invalid(`it is NONE or CMD, not ${JSON.stringify(kind)}`);
  const read = readCommand(command);
  const test = "shell" in read ? ["CMD-SHELL", read.shell] : ["CMD", ...read.words];
  if (test.length === 1 || test[1] === "") throw invalid("it has no command after CMD");
  return { Test: test, ...settings };
}

/** Go's time.ParseDuration: "1h30m", "1.5s". */
function nanoseconds(name: string, value: string): number {
  const parts = [...value.matchAll(/([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== value) {
    throw invalid(`--${name} is a duration such as 30s, not ${JSON.stringify(value)}`);
  }
  const sum = parts.reduce((total, [, number = "", unit = ""]) => total + Number(number) * (unitNs[unit] ?? 0), 0);
  if (sum !== 0 && sum < 1e6) throw invalid(`--${name} is less than a millisecond`);
  return Math.round(sum);
}

function retries(value: string): number {
  if (/^[0-9]{1,9}$/.test(value)) return Number(value);
  throw invalid(`--retries is a number, not ${JSON.stringify(value)}`);
}

function invalid(reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot change HEALTHCHECK: ${reason}`);
}
