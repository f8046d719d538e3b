/** Logs of a command that runs for long, on standard error: JSON lines, or for eyes `key=value` as containerd's are. */
import { pino } from "pino";
import type { Logger } from "../index.ts";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export const logFormats = ["json", "text"] as const;

export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];

export function createLogger(level: LogLevel, format: LogFormat): Logger {
  if (format === "text") return textLogger(level);
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const log = pino(
    { ...options, formatters: { level: (label) => ({ level: label }) }, serializers: { error: errorFields } },
    pino.destination({ fd: 2, sync: true }),
  );
  return {
    debug: (fields, message) => {
      log.debug(fields, message);
    },
    info: (fields, message) => {
      log.info(fields, message);
    },
    warn: (fields, message) => {
      log.warn(fields, message);
    },
    error: (fields, message) => {
      log.error(fields, message);
    },
  };
}

function errorFields(error: unknown): unknown {
  return error instanceof Error ? { message: error.message, ...("code" in error && { code: error.code }) } : error;
}

function textLogger(level: LogLevel): Logger {
  const lowest = logLevels.indexOf(level);
  const at =
    (own: LogLevel): Logger["info"] =>
    (fields, message) => {
      if (logLevels.indexOf(own) < lowest) return;
      const pairs = Object.entries({ time: new Date().toISOString(), level: own, msg: message, ...fields });
      const words = pairs
        .filter(([, value]: [string, unknown]) => value !== undefined && value !== null)
        .map(([key, value]: [string, unknown]) => `${key}=${textOf(value)}`);
      process.stderr.write(`${words.join(" ")}\n`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function textOf(value: unknown): string {
  const text = typeof value === "string" ? value : value instanceof Error ? value.message : JSON.stringify(value);
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
}
