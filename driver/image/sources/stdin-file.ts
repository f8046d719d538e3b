import { fstatSync, readFileSync, realpathSync, statSync } from "node:fs";

/**
 * The file that standard input is redirected from, when it is a regular one at its start: it can be read in place. Else
 * undefined: a pipe, or a file that was read from, or is deleted.
 */
export function stdinFile(): string | undefined {
  try {
    const opened = fstatSync(0);
    if (!opened.isFile() || !/^pos:\s*0$/m.test(readFileSync("/proc/self/fdinfo/0", "utf8"))) return undefined;
    const path = realpathSync("/proc/self/fd/0");
    const found = statSync(path);
    return found.ino === opened.ino && found.dev === opened.dev ? path : undefined;
  } catch {
    return undefined;
  }
}
