/** Starting a runtime on our own standard streams and learning how it ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { startFailure } from "./failure.ts";
import type { Launch } from "./launch.ts";

export interface ForegroundOptions {
  /**
   * Away from the terminal's process group: Ctrl-C then reaches the program once, through whoever forwards signals, and
   * not a second time from the terminal.
   */
  readonly detached: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** @throws {StorageError} with details.exitCode 125 when `file` cannot be executed. */
export async function startInForeground(
  file: string,
  args: readonly string[],
  { process: { tty, interactive }, lockFd }: Launch,
  { detached, env }: ForegroundOptions,
): Promise<ChildProcess> {
  const child = spawn(file, args, {
    stdio: [tty || interactive ? "inherit" : "ignore", "inherit", "inherit", lockFd],
    detached,
    ...(env !== undefined && { env }),
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => {
      reject(startFailure(`cannot execute ${file}: ${error.message}`));
    });
  });
  return child;
}

/** Exit code, or 128 + n for signal n. */
export function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
