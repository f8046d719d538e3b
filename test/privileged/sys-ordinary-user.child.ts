/** What an ordinary user does in its own directory, argv[2]; prints what came of it as JSON. */
import { chmodSync, existsSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, stdout } from "node:process";
import { copyTree } from "../../driver/sys/copy-tree.ts";
import { readdir, closeFd, openat, AT_FDCWD, fstatat } from "../../driver/sys/linux.ts";
import { detectPrivileges } from "../../driver/sys/privileges.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { makeDeep } from "../unit/sys/deep-tree.ts";

const dir = argv[2] ?? "";
const at = (name: string): string => join(dir, name);
const privileges = detectPrivileges();

/** Modes of the files below; contents with lent permissions would show in them. */
const modes = {
  "t/none/in/f": 0o000,
  "t/none/in": 0o555,
  "t/none": 0o000,
  "t/search": 0o111,
  "t/write": 0o300,
  t: 0o500,
};
for (const name of ["t/none/in", "t/search/x", "t/write"]) mkdirSync(at(name), { recursive: true });
for (const name of ["t/none/in/f", "t/search/f", "t/write/f"]) writeFileSync(at(name), name);
linkSync(at("t/none/in/f"), at("t/search/linked"));
linkSync(at("t/none/in/f"), at("t/write/linked"));
for (const [name, mode] of Object.entries(modes)) chmodSync(at(name), mode);

const options = { privileges };
copyTree(at("t"), at("copy"), options);
copyTree(at("t"), at("shared"), { ...options, share: true });
// Opens what is closed, and so comes last.
const result = { privileges, t: shapeOf("t"), copy: shapeOf("copy"), shared: shapeOf("shared"), left: [] as string[] };

mkdirSync(at("deep"));
makeDeep(fdOf("deep"), "d", 200);
chmodSync(at("deep/d"), 0);
const aborted = abortedCopy();
for (const name of ["t", "copy", "shared", "deep", "part"]) removeTree(at(name));
const left = ["t", "copy", "shared", "deep", "part"].filter((name) => existsSync(at(name)));
stdout.write(JSON.stringify({ ...result, left, aborted }));

function fdOf(name: string): number {
  return openat(AT_FDCWD, at(name), 0);
}

/** The mode that a directory has back when the copy of what is in it has failed. */
function abortedCopy(): string {
  mkdirSync(at("part/d"), { recursive: true });
  try {
    copyTree(at("deep"), at("part"), options);
    return "not aborted";
  } catch {
    return (fstatat(AT_FDCWD, at("deep/d")).mode & 0o7777).toString(8);
  }
}

function shapeOf(name: string): string[] {
  const lines: string[] = [];
  const visit = (path: string): void => {
    const { mode, nlink } = fstatat(AT_FDCWD, at(path));
    const isDirectory = (mode & 0o170000) === 0o040000;
    const shown = path.slice(name.length + 1);
    lines.push(`${shown} ${(mode & 0o7777).toString(8)}${isDirectory ? "" : ` ${nlink}`}`);
    if (!isDirectory) return;
    chmodSync(at(path), 0o700);
    const fd = fdOf(path);
    const names = readdir(fd).map((entry) => entry.name);
    closeFd(fd);
    for (const child of names.sort()) visit(`${path}/${child}`);
    chmodSync(at(path), mode & 0o7777);
  };
  visit(name);
  return lines;
}
