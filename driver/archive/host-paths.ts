/** The host's end of a copy: its paths lead where this process' own would. */
import { lstatSync, realpathSync, statSync, type Stats } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import { bytesOf, rootPath } from "../base/path-bytes.ts";
import { fstatat } from "../sys/linux.ts";
import { type CopySource, isDirectoryPath, type Placement, placementOf } from "./copy-rules.ts";
import { Directory, heldBy, keyOf, openHostDirectory, type Present, RootedTree } from "./rooted-tree.ts";

export interface HostSource extends Disposable {
  readonly found: Present;
  readonly tree: RootedTree;
}

/** Ours to read as we are: links on the way are the host's own. */
export function hostSource(path: string, followsLast: boolean): HostSource {
  try {
    const real = followsLast ? realpathSync(path) : resolve(path);
    if (lstatSync(real).isDirectory()) {
      const tree = new RootedTree(openHostDirectory(real));
      const directory = new Directory(openHostDirectory(real), rootPath, undefined);
      return hostFound({ kind: "directory", directory }, tree);
    }
    const parent = new Directory(openHostDirectory(dirname(real)), rootPath, undefined);
    const name = keyOf(basename(real));
    const found: Present = { kind: "other", parent, name, stat: fstatat(parent.fd, bytesOf(name)), isMounted: false };
    return hostFound(found, new RootedTree(openHostDirectory(dirname(real))));
  } catch (error) {
    throw asStorageError(error, `cannot copy ${path}`);
  }
}

function hostFound(found: Present, tree: RootedTree): HostSource {
  return {
    found,
    tree,
    [Symbol.dispose]: () => {
      heldBy(found)[Symbol.dispose]();
      tree[Symbol.dispose]();
    },
  };
}

export function hostTarget(
  source: CopySource,
  path: string,
): { readonly placement: Placement; readonly directory: number } {
  const found = statOf(path);
  const kind = found === undefined ? "missing" : found.isDirectory() ? "directory" : "other";
  if (found !== undefined && kind === "other" && !found.isFile()) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot copy to ${path}: it is a device, a pipe or a socket`);
  }
  const real = kind === "missing" ? resolve(path) : realpathSync(path);
  const placement = placementOf(source, {
    shown: path,
    kind,
    isMeantDirectory: isDirectoryPath(path),
    name: basename(real),
  });
  try {
    return { placement, directory: openHostDirectory(placement.where === "inside" ? real : dirname(real)) };
  } catch (error) {
    throw asStorageError(error, `cannot copy to ${path}`);
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw asStorageError(error, `cannot copy to ${path}`);
  }
}
