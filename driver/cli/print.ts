/** Results to standard output, what went wrong to standard error. */
import type { Command, Result } from "./command.ts";
import { UsageError } from "./errors.ts";
import type { Template } from "./go-template.ts";
import type { OptionValues } from "./options.ts";
import { jsonOf } from "./print-json.ts";
import { table } from "./table.ts";

export type OutputForm =
  | { readonly kind: "text" | "document" | "lines" }
  | { readonly kind: "template"; readonly template: Template; readonly hasHeader: boolean };

/** @throws {UsageError} for another format than table, json and a template. */
export async function outputForm(
  { hasTable = false, hasTemplate = false }: Pick<Command, "hasTable" | "hasTemplate">,
  options: OptionValues,
): Promise<OutputForm> {
  if (options.isOn("json")) return { kind: "document" };
  const format = hasTable || hasTemplate ? options.text("format") : undefined;
  if (format === undefined || format === "table") return { kind: "text" };
  if (format === "json") return { kind: "lines" };
  const [, table, text = format] = /^(table\s+)?([^]*)$/.exec(format) ?? [];
  if (text.includes("{{")) {
    // As Docker's users write them, in single quotes.
    const plain = text.replace(/\{\{[^]*?\}\}|\\[tn]/g, (part) =>
      part === "\\t" ? "\t" : part === "\\n" ? "\n" : part,
    );
    const template = (await import("./go-template.ts")).parseTemplate(plain);
    return { kind: "template", template, hasHeader: table !== undefined };
  }
  throw new UsageError(`option --format is table or json or has {{a template}}, not ${JSON.stringify(format)}`);
}

export function outputOf(result: Result, form: OutputForm): string {
  if (form.kind === "template") return templateOutput(result, form);
  if (form.kind === "text" || result.document === undefined) return lines(result.text ?? []);
  if (form.kind === "document") return `${jsonOf(result.document, 2)}\n`;
  return lines(rowsOf(result).map((row) => jsonOf(row)));
}

function templateOutput(result: Result, { template, hasHeader }: Extract<OutputForm, { kind: "template" }>): string {
  const shown = rowsOf(result).map((row) => template.render(row));
  if (!hasHeader) return lines(shown);
  const header = template.render(result.headers ?? {});
  return lines(
    table(
      header.split("\t"),
      shown.map((row) => row.split("\t")),
    ),
  );
}

/** What templates and `--format json` see. */
function rowsOf({ rows, document }: Result): readonly unknown[] {
  if (rows !== undefined) return rows;
  return Array.isArray(document) ? document : [document];
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
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

export { jsonOf } from "./print-json.ts";
