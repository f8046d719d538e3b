/** Starting a runtime and learning how it ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { O_CLOEXEC } from "../sys/constants.ts";
import { startFailure } from "./failure.ts";
import type { Streams } from "./launch.ts";

export interface ForegroundOptions {
  readonly streams: Streams;
  /** Stays open in the child, as its descriptor 3. */
  readonly lockFd?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** @throws {StorageError} with details.exitCode 125 when `file` cannot be executed. */
export async function startInForeground(
  file: string,
  args: readonly string[],
  { streams, lockFd, env }: ForegroundOptions,
): Promise<ChildProcess> {
  const nowhere = openSync("/dev/null", "r");
  const { stdin, stdout, stderr } = streams;
  const stdio: (number | "inherit" | "ignore")[] = [stdin, stdout, stderr, lockFd ?? "ignore", ...closedOnes(nowhere)];
  let child: ChildProcess;
  try {
    // Away from the terminal's process group: Ctrl-C then reaches the program once, through whoever forwards signals.
    child = spawn(file, args, { stdio, detached: true, ...(env !== undefined && { env }) });
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

/** For descriptors from 4 on: what we have open there is not for our children. */
export function closedOnes(nowhere: number): (number | "ignore")[] {
  const stdio: (number | "ignore")[] = [];
  for (const fd of inheritedFds().filter((each) => each > 3)) {
    while (stdio.length <= fd - 4) stdio.push("ignore");
    stdio[fd - 4] = nowhere;
  }
  return stdio;
}

/** What a program on our own streams gets. */
export function ourStreams({ tty, interactive }: { tty: boolean; interactive: boolean }): Streams {
  return { stdin: tty || interactive ? "inherit" : "ignore", stdout: "inherit", stderr: "inherit" };
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
