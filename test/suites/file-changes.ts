/** Small changes to a directory tree, and a way to say what a tree holds: what the snapshotter suite is written in. */
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** Applies to the tree below `root`. */
export type Change = (root: string) => void;

export function file(path: string, content: string, mode = 0o644): Change {
  return (root) => {
    writeFileSync(join(root, path), content);
    chmodSync(join(root, path), mode);
  };
}

export function directory(path: string, mode = 0o755): Change {
  return (root) => {
    mkdirSync(join(root, path));
    chmodSync(join(root, path), mode);
  };
}

export function removed(path: string): Change {
  return (root) => {
    rmSync(join(root, path), { recursive: true });
  };
}

export function hardLink(existing: string, path: string): Change {
  return (root) => {
    linkSync(join(root, existing), join(root, path));
  };
}

export function symlink(target: string, path: string): Change {
  return (root) => {
    symlinkSync(target, join(root, path));
  };
}

export function owner(path: string, uid: number, gid: number): Change {
  return (root) => {
    chownSync(join(root, path), uid, gid);
  };
}

export function mode(path: string, bits: number): Change {
  return (root) => {
    chmodSync(join(root, path), bits);
  };
}

export function changes(...all: readonly Change[]): Change {
  return (root) => {
    for (const change of all) change(root);
  };
}

/** One line a path: type, mode, owner, and content or target. The root is ".". */
export function describeTree(root: string, path = "."): readonly string[] {
  const full = join(root, path);
  const stat = lstatSync(full);
  const head = `${path} ${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
  if (stat.isSymbolicLink()) return [`${path} -> ${readlinkSync(full)}`];
  if (stat.isFile()) return [`${head} ${JSON.stringify(readFileSync(full, "utf8"))}`];
  if (!stat.isDirectory()) return [`${head} special`];
  const names = readdirSync(full).sort();
  return [`${head} directory`, ...names.flatMap((name) => describeTree(root, join(path, name)))];
}
