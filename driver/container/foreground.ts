/** Starting a runtime on our own standard streams and learning how it ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { O_CLOEXEC } from "../sys/constants.ts";
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
  const nowhere = openSync("/dev/null", "r");
  const stdio: (number | "inherit" | "ignore")[] = [tty || interactive ? "inherit" : "ignore", "inherit", "inherit"];
  stdio.push(lockFd);
  for (const fd of inheritedFds()) {
    while (stdio.length <= fd) stdio.push("ignore");
    if (fd > 3) stdio[fd] = nowhere;
  }
  let child: ChildProcess;
  try {
    child = spawn(file, args, { stdio, detached, ...(env !== undefined && { env }) });
  } finally {
    closeSync(nowhere);
  }
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => {
      reject(startFailure(`cannot execute ${file}: ${error.message}`));
    });
  });
  return child;
}

/**
 * Files that whoever started us left open, by accident, for all our children: a container must not get at them. What
 * Node opens is close-on-exec.
 */
function inheritedFds(): readonly number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd > 2 && !isCloseOnExec(fd));
}

function isCloseOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
  } catch {
    // closed by now: it was the listing's own
    return true;
  }
}

/** Exit code, or 128 + n for signal n. */
export function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
