/**
 * What a test needs of the machine. A test that cannot run here says so loudly; with LAMINATE_TEST_REQUIRE_ALL=1 it
 * runs all the same, and so fails.
 */
import { spawnSync } from "node:child_process";

const requireAll = process.env["LAMINATE_TEST_REQUIRE_ALL"] === "1";

export interface Need {
  /** True when the tests that have this need are to be skipped. */
  readonly missing: boolean;
}

function need(met: boolean, what: string): Need {
  if (met || requireAll) return { missing: false };
  console.warn(`SKIPPED: these tests need ${what}`);
  return { missing: true };
}

export function needRoot(): Need {
  return need(process.geteuid?.() === 0, "root");
}

/** Programs on PATH, all of them. */
export function needPrograms(...names: readonly string[]): Need {
  const absent = names.filter((name) => spawnSync("sh", ["-c", `command -v "$1"`, "sh", name]).status !== 0);
  return need(absent.length === 0, `programs that are not installed: ${absent.join(", ")}`);
}

export function needAll(...needs: readonly Need[]): Need {
  return { missing: needs.some((each) => each.missing) };
}
