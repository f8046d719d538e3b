import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ProcessConfig } from "../../../driver/container/container.ts";

/** A directory that goes with its scope. */
export class TestFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "laminate-container-"));

  /** Makes parents; returns the path. */
  write(name: string, content: string | Uint8Array, mode = 0o644): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode });
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function processOf(config: Partial<ProcessConfig> = {}): ProcessConfig {
  return {
    args: ["sh"],
    env: ["PATH=/usr/bin:/bin"],
    cwd: "/",
    user: "",
    hostname: "box",
    tty: false,
    interactive: false,
    keepsInput: false,
    ...config,
  };
}

/** What `act` threw: its code and the exit code it asks for. */
export function failureOf(act: () => unknown): { code: unknown; exitCode: unknown; message: string } {
  try {
    act();
  } catch (error) {
    const { code, details, message } = error as { code: unknown; details: Record<string, unknown>; message: string };
    return { code, exitCode: details["exitCode"], message };
  }
  throw new Error("nothing was thrown");
}
