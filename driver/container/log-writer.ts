/**
 * The log of a container: one JSON object a line, as Docker's json-file driver writes them, so that its tools read it.
 * A line of the program is a line of the log, unless it is very long.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import type { LogLine } from "./container.ts";

export interface LogEntry {
  readonly log: string;
  readonly stream: LogLine["stream"];
  readonly time: string;
}

const maxLineBytes = 16 * 1024;
const newline = 0x0a;

export class LogWriter implements Disposable {
  readonly #fd: number;
  readonly #open: Record<LogLine["stream"], Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

  constructor(path: string) {
    this.#fd = openSync(path, "a", 0o600);
  }

  write(stream: LogLine["stream"], bytes: Buffer): void {
    let rest = this.#open[stream].length === 0 ? bytes : Buffer.concat([this.#open[stream], bytes]);
    const entries: string[] = [];
    for (;;) {
      const end = rest.indexOf(newline) + 1;
      const length = end > 0 ? Math.min(end, maxLineBytes) : rest.length > maxLineBytes ? wholeCharacters(rest) : 0;
      if (length === 0) break;
      entries.push(entryOf(stream, rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
    this.#open[stream] = Buffer.from(rest);
    this.#append(entries);
  }

  /** What came without a newline. */
  end(stream: LogLine["stream"]): void {
    const rest = this.#open[stream];
    this.#open[stream] = Buffer.alloc(0);
    if (rest.length > 0) this.#append([entryOf(stream, rest)]);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #append(entries: readonly string[]): void {
    if (entries.length === 0) return;
    let bytes = Buffer.from(entries.join(""));
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.#fd, bytes));
  }
}

function entryOf(stream: LogLine["stream"], bytes: Buffer): string {
  const entry: LogEntry = { log: bytes.toString("utf8"), stream, time: new Date().toISOString() };
  return `${JSON.stringify(entry)}\n`;
}

/** Up to maxLineBytes, not ending within a UTF-8 character. */
function wholeCharacters(bytes: Buffer): number {
  let length = maxLineBytes;
  while (length > maxLineBytes - 4 && ((bytes[length] ?? 0) & 0xc0) === 0x80) length--;
  return length;
}
