/** A program on our own terminal: signals go to it, and its exit code is ours. */
import { constants } from "node:os";
import type { AttachOptions, RunningProcess, RunResult, Storage } from "../index.ts";
import type { CommandContext, OptionSpec } from "./command.ts";
import { codeOf, exitCodeOf, InterruptedError, UsageError } from "./errors.ts";
import type { OptionValues } from "./options.ts";

/** Of run, start -a and exec: what fails before the program runs is ours. */
export const usageExitCode = 125;

export const attachOptions: readonly OptionSpec[] = [
  { flags: "--detach-keys <keys>", description: 'that leave the program alone ("ctrl-p,ctrl-q")' },
  { flags: "--sig-proxy", description: "pass signals on to the program", onByDefault: true },
];

/** A container that does not run yet, to its end. */
export function runInForeground(
  context: CommandContext,
  { containers }: Storage,
  id: string,
  options: OptionValues,
  input = true,
): Promise<number> {
  const foreground = foregroundOf(options);
  return inForeground(context, foreground, (onStart) => {
    return containers.run(id, {
      stdio: "inherit",
      signal: context.signal,
      ...attachOf(foreground, options, input),
      onStart,
    });
  });
}

/** One that runs already. */
export function attachInForeground(
  context: CommandContext,
  { containers }: Storage,
  id: string,
  options: OptionValues,
  input = true,
): Promise<number> {
  const foreground = foregroundOf(options);
  return inForeground(context, foreground, (onStart) => {
    return containers.attach(id, { ...attachOf(foreground, options, input), onStart });
  });
}

function foregroundOf(options: OptionValues): Foreground {
  return { passesSignals: options.isOn("sig-proxy"), detach: new AbortController() };
}

function attachOf({ detach }: Foreground, options: OptionValues, input: boolean): AttachOptions {
  return { input, detachKeys: options.text("detach-keys"), detach: detach.signal };
}

export interface Foreground {
  /** Signals are the program's; otherwise they end us, and leave it alone. */
  readonly passesSignals: boolean;
  /** Leaves the program alone. */
  readonly detach: AbortController;
}

export async function inForeground(
  { interrupts }: CommandContext,
  { passesSignals, detach }: Foreground,
  run: (onStart: (started: RunningProcess) => void) => Promise<RunResult>,
): Promise<number> {
  let takeBack: (() => void) | undefined;
  let endedBy: number | undefined;
  try {
    const { exitCode, isDetached } = await run((started) => {
      const forward = forwarder(started);
      takeBack = interrupts.handOver((signal) => {
        if (passesSignals) forward(signal);
        else {
          endedBy ??= 128 + constants.signals[signal];
          detach.abort();
        }
      });
    });
    if (endedBy !== undefined) throw new InterruptedError(endedBy);
    if (isDetached && process.stdin.isTTY) process.stderr.write("\r\nread escape sequence\r\n");
    return exitCode;
  } catch (error) {
    throw withExitCode(error);
  } finally {
    takeBack?.();
  }
}

/** Keys can only come from a terminal. */
export function requireTerminal(tty: boolean, interactive: boolean): void {
  if (tty && interactive && !process.stdin.isTTY) {
    throw new UsageError("-t with -i needs a terminal, and standard input is none");
  }
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
