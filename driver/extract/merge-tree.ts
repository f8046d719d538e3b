/** Applying a settled layer to a complete tree: the form in which the copy backend keeps it. */
import { join } from "node:path";
import { asStorageError, isErrno } from "../base/errors.ts";
import { baseOf, bytesOf, joinPath, parentOf, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_ISDIR } from "../sys/constants.ts";
import { copyAttributes } from "../sys/copy-file.ts";
import {
  AT_FDCWD,
  closeFd,
  fchmodat,
  fstatat,
  openat,
  readdir,
  renameat2,
  tryFstatat,
  unlinkat,
} from "../sys/linux.ts";
import { pathBelow } from "../sys/path-like.ts";
import type { Privileges } from "../sys/privileges.ts";
import { removeTree } from "../sys/remove-tree.ts";
import { syscallPath } from "./beneath.ts";
import { editDirectory, openDirectory } from "./edit-directory.ts";
import type { SettledLayer } from "./staged-layer.ts";

/**
 * Makes `targetDir`, a complete tree of the layers below on the file system of the staged tree, what it is with the
 * layer on top: takes away what the layer deletes, then moves over all that it has. Directories that both have get the
 * layer's attributes. The staged tree is left with its directories only; after a failure both are worthless.
 * @throws {StorageError} by errno.
 */
export function mergeSettled(targetDir: string, settled: SettledLayer, privileges: Privileges): void {
  const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
  const targetFd = openat(AT_FDCWD, targetDir, flags);
  try {
    const stagedFd = openat(AT_FDCWD, join(settled.layer.stagingDir, "fs"), flags);
    try {
      for (const path of settled.whiteouts) removeFrom(targetFd, parentOf(path), [baseOf(path)]);
      for (const path of settled.opaques) emptyDirectory(targetFd, path);
      mergeDirectories(stagedFd, targetFd, privileges);
    } finally {
      closeFd(stagedFd);
    }
  } finally {
    closeFd(targetFd);
  }
}

/** Parents first, then attributes children first. */
function mergeDirectories(stagedRoot: number, targetRoot: number, privileges: Privileges): void {
  const merged: RelPath[] = [rootPath];
  for (const path of merged) {
    attempt(path, () => {
      moveContent(stagedRoot, targetRoot, path, merged);
    });
  }
  for (const path of merged.reverse()) {
    attempt(path, () => {
      const source = openDirectory(stagedRoot, path);
      try {
        const target = openDirectory(targetRoot, path);
        try {
          copyAttributes(source, target, { privileges });
        } finally {
          closeFd(target);
        }
      } finally {
        closeFd(source);
      }
    });
  }
}

/** Moves what a directory holds; those directories in it that both have are added to `merged`. */
function moveContent(stagedRoot: number, targetRoot: number, path: RelPath, merged: RelPath[]): void {
  editDirectory(stagedRoot, path, (source) => {
    editDirectory(targetRoot, path, (target) => {
      for (const { name } of readdir(source)) {
        const at = syscallPath(name);
        const isDirectory = S_ISDIR(fstatat(source, at).mode);
        const there = tryFstatat(target, at);
        if (there !== undefined && S_ISDIR(there.mode)) {
          if (isDirectory) {
            merged.push(joinPath(path, name));
            continue;
          }
          removeTree(pathBelow(target, bytesOf(name)));
        } else if (there !== undefined && isDirectory) {
          unlinkat(target, at);
        }
        move(source, target, name, isDirectory);
      }
    });
  });
}

/** A directory of an ordinary user can only move while its owner may write it. */
function move(source: number, target: number, name: string, isDirectory: boolean): void {
  const at = syscallPath(name);
  try {
    renameat2(source, at, target, at);
  } catch (error) {
    if (!isDirectory || !isErrno(error, "EACCES")) throw error;
    const mode = fstatat(source, at).mode & 0o7777;
    fchmodat(source, at, mode | 0o700);
    renameat2(source, at, target, at);
    fchmodat(target, at, mode);
  }
}

function emptyDirectory(rootFd: number, path: RelPath): void {
  const fd = openDirectory(rootFd, path);
  let names: string[];
  try {
    names = readdir(fd).map(({ name }) => name);
  } finally {
    closeFd(fd);
  }
  removeFrom(rootFd, path, names);
}

function removeFrom(rootFd: number, path: RelPath, names: readonly string[]): void {
  attempt(path, () => {
    editDirectory(rootFd, path, (fd) => {
      for (const name of names) removeTree(pathBelow(fd, bytesOf(name)));
    });
  });
}

function attempt(path: RelPath, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw asStorageError(error, `cannot merge ${shownPath(path)}`);
  }
}
