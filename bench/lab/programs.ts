/** The machine's own programs, with the libraries they need, as entries of a layer. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { delimiter, join, posix } from "node:path";
import type { LayerEntry } from "./oci-layout.ts";

export const coreTools = [
  ...["sh", "cat", "ls", "echo", "mkdir", "rm", "cp", "mv", "env", "id", "uname", "head", "tail", "wc", "sleep"],
  ...["date", "true", "false", "pwd", "sort", "touch", "chmod", "stat", "printf", "basename", "dirname"],
];

/** Finds `name` as a shell would; undefined where the machine lacks it. */
export function findProgram(name: string): string | undefined {
  return (process.env["PATH"] ?? "/usr/bin:/bin")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isProgram);
}

/** False also where this user may not look. */
function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Absolute paths of the shared libraries of an executable, the loader among them. */
function librariesOf(executable: string): string[] {
  const listed = execFileSync("ldd", [executable], { encoding: "utf8" });
  return [...listed.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => (path === undefined ? [] : [path]));
}

/** The place below a merged /usr: "/lib/x/libc.so.6" goes to "usr/lib/x/libc.so.6". */
function placeOf(library: string): string {
  return posix.join("usr", library.replace(/^\/usr(?=\/)/, ""));
}

/** Executables under usr/bin, each by its own name, and every library once. `known` are libraries of lower layers. */
export function programEntries(programs: ReadonlyMap<string, string>, known = new Set<string>()): LayerEntry[] {
  const entries: LayerEntry[] = [];
  for (const [name, path] of programs) {
    entries.push({ path: `usr/bin/${name}`, mode: 0o755, data: readFileSync(realpathSync(path)) });
    for (const library of librariesOf(realpathSync(path))) {
      const place = placeOf(library);
      if (known.has(place)) continue;
      known.add(place);
      entries.push({ path: place, mode: 0o755, data: readFileSync(realpathSync(library)) });
    }
  }
  return entries;
}

/** An installed npm package as entries below `target`. */
export function packageEntries(source: string, target: string): LayerEntry[] {
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({
      path: posix.join(target, path.slice(source.length + 1)),
      mode: 0o644,
      data: readFileSync(path),
    }));
}
