import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { O_DIRECTORY } from "../../../driver/sys/constants.ts";
import { AT_FDCWD, closeFd, openat } from "../../../driver/sys/linux.ts";

export interface Scratch {
  path: string;
  fd: number;
}

/** A new directory for each test, open as `fd`. */
export function useScratch(): Scratch {
  const scratch: Scratch = { path: "", fd: -1 };
  beforeEach(() => {
    scratch.path = mkdtempSync(join(tmpdir(), "laminate-sys-"));
    scratch.fd = openat(AT_FDCWD, scratch.path, O_DIRECTORY);
  });
  afterEach(() => {
    closeFd(scratch.fd);
    rmSync(scratch.path, { recursive: true, force: true });
  });
  return scratch;
}

/** The `code` of what `action` throws; "" when it does not. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
  return "";
}
