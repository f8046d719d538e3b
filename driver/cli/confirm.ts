import { createInterface } from "node:readline/promises";
import { UsageError } from "./errors.ts";

/**
 * Asks on the terminal; only "y" and "yes" are yes.
 * @throws {UsageError} where nobody can be asked.
 */
export async function confirmed(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError("standard input is no terminal to ask on: give --force");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await terminal.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    terminal.close();
  }
}
