/** What a command is. Handlers compute answers; printing them is done in one place, print.ts. */
import type { Storage, StorageOptions } from "../index.ts";
import type { Interrupts } from "./interrupts.ts";
import type { OptionValues } from "./options.ts";
import type { ProgressMode } from "./progress-view.ts";

export interface OptionSpec {
  /** As commander spells them: "-e, --env <variable>", "--rm". */
  readonly flags: string;
  readonly description: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
  /** On unless switched off with `=false`. */
  readonly onByDefault?: boolean;
  readonly choices?: readonly string[];
}

export interface Command {
  /** As commander spells them: "<image> [command...]"; "" for none. */
  readonly arguments: string;
  readonly options: readonly OptionSpec[];
  /** Whole command lines. */
  readonly examples: readonly string[];
  /** Options end at the first argument: what follows belongs to the program to be run. */
  readonly stopsAtFirstArgument?: boolean;
  /** Answers with a document: has --json. */
  readonly hasDocument?: boolean;
  /** Answers with a table: has --json and --format. */
  readonly hasTable?: boolean;
  /** Takes `--format` with a template for each element of its document. */
  readonly hasTemplate?: boolean;
  /** Exit code for wrong usage, 1 unless given. */
  readonly usageExitCode?: number;
  run(context: CommandContext, words: readonly string[], options: OptionValues): Promise<Result>;
}

export interface CommandContext {
  /** Opened at the first call, closed by the program. */
  readonly storage: (options?: StorageOptions) => Promise<Storage>;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  readonly interrupts: Interrupts;
  readonly progress: ProgressMode;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For ages. */
  readonly now: Date;
}

export interface Result {
  /** For `--json`. */
  readonly document?: unknown;
  /** For `--format`, one line each, under Docker's names; the document, or its elements, by default. */
  readonly rows?: readonly Readonly<Record<string, unknown>>[];
  /** For `--format "table …"`: headings under the rows' names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Lines for people. */
  readonly text?: readonly string[];
  /** What went wrong with some of the arguments; the others were done. */
  readonly failures?: readonly unknown[];
  /** 0, or 1 with failures, unless given. */
  readonly exitCode?: number;
}

/**
 * Does `act` for each word, whatever happens to the others: an abort excepted. Answers come in the words' order.
 */
export async function forEachWord<T>(
  words: readonly string[],
  signal: AbortSignal,
  act: (word: string) => Promise<T>,
): Promise<{ readonly done: readonly T[]; readonly failures: readonly unknown[] }> {
  const done: T[] = [];
  const failures: unknown[] = [];
  for (const word of words) {
    signal.throwIfAborted();
    try {
      done.push(await act(word));
    } catch (error) {
      failures.push(error);
    }
  }
  return { done, failures };
}
