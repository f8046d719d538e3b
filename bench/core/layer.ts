/**
 * The input: a large Debian layer, made of this machine's own /usr, always the same on the same machine. It is kept
 * below $LAMINATE_BENCH_DIR, or laminate-bench in the temporary directory, and made only once.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Code, text, tables and libraries: about 365 MB on a developer's Debian. */
const folders = [
  "usr/lib/python3",
  "usr/lib/python3.11",
  "usr/lib/gcc",
  "usr/share/perl",
  "usr/share/vim",
  "usr/share/zoneinfo",
  "usr/share/cmake-3.25",
  "usr/share/i18n",
  "usr/lib/node_modules",
  "usr/lib/git-core",
  "usr/share/icons",
  "usr/share/locale",
  "usr/share/doc",
];

const enoughBytes = 300e6;

export interface Layer {
  readonly path: string;
  readonly gzip: Buffer;
}

/** As many of the folders as exist here and it takes to have enough. */
function chosenFolders(): readonly string[] {
  const chosen: string[] = [];
  let bytes = 0;
  for (const folder of folders) {
    if (bytes > enoughBytes || !existsSync(`/${folder}`)) continue;
    bytes += Number(execFileSync("du", ["-sb", `/${folder}`], { encoding: "utf8" }).split("\t")[0]);
    chosen.push(folder);
  }
  return chosen;
}

export function benchLayer(): Layer {
  const root = process.env["LAMINATE_BENCH_DIR"] ?? join(tmpdir(), "laminate-bench");
  mkdirSync(root, { recursive: true });
  const chosen = chosenFolders();
  const name = createHash("sha256").update(chosen.join()).digest("hex").slice(0, 12);
  const path = join(root, `layer-${name}.tar.gz`);
  if (!existsSync(path)) {
    const made = `${path}.${process.pid}`;
    const tar = "tar --sort=name --format=gnu --mtime=@0 --owner=0 --group=0 --numeric-owner -C / -cf -";
    execFileSync("sh", ["-c", `out=$1; shift; ${tar} "$@" | gzip -6 -n > "$out"`, "sh", made, ...chosen]);
    renameSync(made, path);
  }
  return { path, gzip: readFileSync(path) };
}
