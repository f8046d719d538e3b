/** Where inputs are kept: made once, below $LAMINATE_BENCH_DIR, or laminate-bench in the temporary directory. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function keptFolder(): string {
  const folder = process.env["LAMINATE_BENCH_DIR"] ?? join(tmpdir(), "laminate-bench");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The folder `name`, made by `make` unless it is there; what was begun and broken off does not count. */
export function kept(name: string, make: (folder: string) => void): string {
  const folder = join(keptFolder(), name);
  if (existsSync(folder)) return folder;
  const making = `${folder}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making);
  make(making);
  renameSync(making, folder);
  return folder;
}
