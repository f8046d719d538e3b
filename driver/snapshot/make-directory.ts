/** Directories with exactly the mode asked for, whatever the umask of the process. */
import { chmodSync, mkdirSync } from "node:fs";

/** Fails with EEXIST if there is one. */
export function makeDirectory(path: string, mode: number): void {
  mkdirSync(path, { mode: 0o700 });
  chmodSync(path, mode);
}

/** A directory of the store, 0700, made with its parents if missing. */
export function ensureDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
}
