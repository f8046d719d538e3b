/** One reference or locator a line, and comments: what `docker images --format` or an editor writes. */
import { StorageError } from "../../base/errors.ts";
import type { SetDraft } from "./set-draft.ts";
import type { SetContext } from "./set-format.ts";

interface Line {
  readonly number: number;
  readonly text: string;
}

/** No line of it could be YAML's with more than a scalar. */
export function isPlainList(text: string): boolean {
  const lines = linesOf(text);
  return lines.every((line) => !/\s/.test(line.text) && !/^[{[]|:$/.test(line.text));
}

export function readPlainList(text: string, file: string, draft: SetDraft, { folder }: SetContext): void {
  for (const { number, text: source } of linesOf(text)) {
    try {
      draft.addImage({ source }, folder);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      throw new StorageError(error.code, `cannot read ${file}:${number}: ${error.message}`, { cause: error });
    }
  }
}

/** Number of the first line that keeps a text from being a list. */
export function firstWithBlanks(text: string): number {
  return linesOf(text).find((line) => /\s/.test(line.text))?.number ?? 1;
}

/** Those that are more than a comment. */
function linesOf(text: string): readonly Line[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ number: index + 1, text: line.replace(/(^|\s)#.*$/, "").trim() }))
    .filter((line) => line.text !== "");
}
