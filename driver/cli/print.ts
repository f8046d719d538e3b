/** Results to standard output, what went wrong to standard error. */
import type { Command, Result } from "./command.ts";
import { UsageError } from "./errors.ts";
import type { OptionValues } from "./options.ts";

export type OutputForm = "text" | "document" | "lines";

/** @throws {UsageError} for another format than table and json. */
export function outputForm({ hasTable = false }: Pick<Command, "hasTable">, options: OptionValues): OutputForm {
  if (options.isOn("json")) return "document";
  const format = hasTable ? options.text("format") : undefined;
  if (format === undefined || format === "table") return "text";
  if (format === "json") return "lines";
  throw new UsageError(`option --format is table or json, not ${JSON.stringify(format)}`);
}

export function outputOf(result: Result, form: OutputForm): string {
  if (form === "text" || result.document === undefined) return (result.text ?? []).map((line) => `${line}\n`).join("");
  if (form === "document") return `${jsonOf(result.document, 2)}\n`;
  const elements: readonly unknown[] = Array.isArray(result.document) ? result.document : [result.document];
  return elements.map((element) => `${jsonOf(element)}\n`).join("");
}

/** Resolves once the text has been handed to the kernel, or nobody reads it any more. */
export function writeOut(text: string): Promise<void> {
  return new Promise((resolve) => {
    if (text === "") resolve();
    else
      process.stdout.write(text, () => {
        resolve();
      });
  });
}

export function jsonOf(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? each.toString() : each), indent);
}
