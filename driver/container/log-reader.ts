/** Reads what {@link LogWriter} writes, also while it does. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isErrno } from "../base/errors.ts";
import type { LogLine, LogOptions } from "./container.ts";

const chunkBytes = 256 * 1024;
const pollMs = 100;

/** @param isRunning asked before the last look, so that nothing is missed. */
export async function* readLog(path: string, isRunning: () => boolean, options: LogOptions): AsyncIterable<LogLine> {
  const { follow = false, tail, since = -Infinity, until = Infinity, signal } = options;
  const isWanted = ({ time }: LogLine): boolean => Date.parse(time) >= since && Date.parse(time) <= until;
  let fd = tryOpen(path);
  try {
    const held: LogLine[] = [];
    let position = 0;
    let isFirst = true;
    for (;;) {
      const isLast = !follow || !isRunning() || signal?.aborted === true;
      fd ??= tryOpen(path);
      if (fd !== undefined) {
        for (const { line, end } of linesFrom(fd, position)) {
          position = end;
          if (!isWanted(line)) continue;
          if (!isFirst || tail === undefined) yield line;
          else if (tail > 0) {
            held.push(line);
            if (held.length > tail) held.shift();
          }
        }
      }
      if (isFirst) yield* held;
      isFirst = false;
      if (isLast) return;
      await sleep(pollMs);
    }
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Whole lines only: the last one may be being written. */
function* linesFrom(fd: number, position: number): Iterable<{ line: LogLine; end: number }> {
  const size = fstatSync(fd).size;
  let rest = Buffer.alloc(0);
  for (let at = position; at < size;) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, size - at));
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) return;
    at += count;
    const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
    let start = 0;
    for (let end = bytes.indexOf("\n"); end >= 0; end = bytes.indexOf("\n", start)) {
      const line = parseLine(bytes.toString("utf8", start, end));
      start = end + 1;
      if (line !== undefined) yield { line, end: at - bytes.length + start };
    }
    rest = bytes.subarray(start);
  }
}

/** What a crash has cut is left out. */
function parseLine(text: string): LogLine | undefined {
  try {
    const { log, stream, time } = JSON.parse(text) as Record<string, unknown>;
    if (typeof log !== "string" || typeof time !== "string") return undefined;
    return { stream: stream === "stderr" ? "stderr" : "stdout", time, text: log };
  } catch {
    return undefined;
  }
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
