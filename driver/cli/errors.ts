/** Errors as one line for people, and exit codes for shells. */
import { printable } from "./format.ts";

/** The command line makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A signal ended the command. */
export class InterruptedError extends Error {
  override readonly name = "AbortError";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("interrupted");
    this.exitCode = exitCode;
  }
}

const hints: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/^cannot find image /, "'laminate images' lists them"],
  [/^cannot find container or image /, "'laminate ps -a' and 'laminate images' list them"],
  [/^cannot find container /, "'laminate ps -a' lists them"],
  [/^cannot remove container .*: it is running/, "'laminate rm -f' kills it first"],
  [/the name is taken by container /, "'laminate rm' removes that one, --name gives this one another name"],
  [/overlay needs privileges/, "--backend copy needs none"],
];

const hintByCode: Readonly<Record<string, string>> = {
  ERR_RESOURCE_EXHAUSTED: "'laminate system df' shows what is stored",
  ERR_DATA_LOSS: "what was read is not what was promised; nothing of it was kept",
};

/** "laminate: …" in one line, without control characters; with the stack if LAMINATE_DEBUG is set. */
export function errorLine(error: unknown, env: Readonly<Record<string, string | undefined>> = {}): string {
  if (env["LAMINATE_DEBUG"] && error instanceof Error) return `laminate: ${error.stack ?? error.message}`;
  const message = error instanceof Error ? error.message : String(error);
  const hint = hints.find(([pattern]) => pattern.test(message))?.[1] ?? hintByCode[codeOf(error) ?? ""];
  return `laminate: ${printable(message)}${hint === undefined ? "" : ` (${hint})`}`;
}

/** 128 + n after signal n, what a container's start asks for, else 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof InterruptedError) return error.exitCode;
  const asked = detailsOf(error)["exitCode"];
  return typeof asked === "number" ? asked : 1;
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function detailsOf(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error) || !("details" in error)) return {};
  return typeof error.details === "object" && error.details !== null ? { ...error.details } : {};
}
