/**
 * The driver as JavaScript, made anew for each run of the tests: its files with their types blanked out, so that every
 * line and column stays where it is. Tests load these files, and start the command from them, instead of having every
 * process and thread strip the same types again. Node does that with WebAssembly that each thread compiles and frees,
 * which is slow, and which V8 survives most of the time only when many threads come and go.
 */
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import type { TestProject, Vite } from "vitest/node";

const project = join(import.meta.dirname, "..");
const sources = join(project, "driver");
/** In the environment of vitest and of the processes that run the tests. */
const variable = "LAMINATE_TEST_DRIVER";
const folderPrefix = "laminate-driver-";

/** For `server.deps.external`: files of the driver are loaded by Node itself. */
export const javascriptDriverFiles = new RegExp(`/${folderPrefix}[^/]+/driver/`);

/** Where the JavaScript of a file of driver/ is. */
export function javascriptOf(file: string): string {
  return join(process.env[variable] ?? "", "driver", file.replace(/\.ts$/, ".js"));
}

/** Sends what tests import from driver/ to the JavaScript. */
export function javascriptDriver(): Vite.Plugin {
  return {
    name: "javascript-driver",
    enforce: "pre",
    resolveId(source, importer) {
      if (!source.startsWith(".") || importer === undefined) return null;
      const file = relative(sources, resolve(dirname(importer), source));
      return file.startsWith("..") ? null : javascriptOf(file);
    },
  };
}

/** Vitest's global setup; what it returns is the way back. */
export function setup(tests: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), folderPrefix));
  // Tests become other users, too.
  chmodSync(folder, 0o755);
  process.env[variable] = folder;
  // For programs of the tests that are TypeScript themselves.
  process.env["NODE_COMPILE_CACHE"] = join(folder, "compile-cache");
  for (const name of ["build", "node_modules", "package.json"]) symlinkSync(join(project, name), join(folder, name));
  strip();
  tests.onTestsRerun(strip);
  return () => {
    rmSync(folder, { recursive: true });
  };
}

function strip(): void {
  for (const file of globSync("**/*.ts", { cwd: sources })) {
    if (file.endsWith(".d.ts")) continue;
    const javascript = stripTypeScriptTypes(readFileSync(join(sources, file), "utf8"));
    mkdirSync(dirname(javascriptOf(file)), { recursive: true });
    writeFileSync(javascriptOf(file), javascript.replaceAll(/((?:from|import)\s*\(?\s*"\.[^"\n]*\.)ts"/g, '$1js"'));
  }
}
