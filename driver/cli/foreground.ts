/** A program on our own terminal: signals go to it, and its exit code is ours. */
import type { RunningProcess, RunResult } from "../index.ts";
import type { CommandContext } from "./command.ts";
import { codeOf, exitCodeOf, UsageError } from "./errors.ts";

/** Of run, start -a and exec: what fails before the program runs is ours. */
export const usageExitCode = 125;

export async function inForeground(
  { interrupts }: CommandContext,
  tty: boolean,
  run: (onStart: (started: RunningProcess) => void) => Promise<RunResult>,
): Promise<number> {
  let takeBack: (() => void) | undefined;
  try {
    const { exitCode } = await run((started) => {
      takeBack = interrupts.handOver(forwarder(started), tty ? ["SIGWINCH"] : []);
    });
    return exitCode;
  } catch (error) {
    throw withExitCode(error);
  } finally {
    takeBack?.();
  }
}

export function requireTerminal(tty: boolean): void {
  if (tty && !process.stdin.isTTY) throw new UsageError("-t needs a terminal, and standard input is none");
}

/** The program decides what a signal means; a second Ctrl-C is for one that does not listen. */
function forwarder(started: RunningProcess): (signal: NodeJS.Signals) => void {
  let interrupted = false;
  return (signal) => {
    started.kill(signal === "SIGINT" && interrupted ? "SIGKILL" : signal);
    interrupted ||= signal === "SIGINT";
  };
}

export function withExitCode(error: unknown): unknown {
  if (!(error instanceof Error) || codeOf(error) === undefined || exitCodeOf(error) !== 1) return error;
  return Object.assign(new Error(error.message, { cause: error }), {
    code: codeOf(error),
    details: { exitCode: usageExitCode },
  });
}
