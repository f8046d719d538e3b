/** `export` and `cp`: a container's files out of it and into it. */
import { basename, posix, resolve } from "node:path";
import type { Writable } from "node:stream";
import { asStorageError, StorageError } from "../base/errors.ts";
import { bytesOf, rootPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_PATH } from "../sys/constants.ts";
import { openat } from "../sys/linux.ts";
import { type Privileges, rootStandIn } from "../sys/privileges.ts";
import { type CopySource, isContentPath, isDirectoryPath, placementOf } from "./copy-rules.ts";
import { hostSource, hostTarget } from "./host-paths.ts";
import { type Found, heldBy, keyOf, type PlacedMount, type Present, RootedTree } from "./rooted-tree.ts";
import { copy, pack, type Packing, unpackStream, write } from "./tar-streams.ts";
import type { UnpackOptions } from "./unpack-tree.ts";

/** A root directory that somebody else may be changing. */
export interface CopyRoot {
  /** O_PATH. */
  readonly fd: number;
  readonly mounts: readonly PlacedMount[];
  readonly isReadonly: boolean;
}

export interface CopyOptions {
  /** Owners are kept; otherwise all belongs to root in a container, and to us outside. */
  readonly archive?: boolean | undefined;
  /** A symlink that is the source itself is followed. */
  readonly followLink?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Subject {
  /** Of the container, for messages. */
  readonly name: string;
  readonly root: CopyRoot;
  readonly privileges: Privileges;
}

/** Returns what could not be kept, for people. */
export async function exportRoot(
  { root, privileges }: Subject,
  target: Writable,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  using tree = openTree({ ...root, mounts: [] });
  const source = present(tree.resolve("", { followsLast: true }));
  using _held = heldBy(source);
  const standIn = rootStandIn(privileges);
  return await pack(source, tree, { name: rootPath, privileges, standIn }, (chunks) => write(chunks, target, signal));
}

/**
 * From `path` in the container to a path of the host, or as a tar into a stream. Returns what could not be kept.
 * @throws {StorageError} ERR_NOT_FOUND; ERR_FAILED_PRECONDITION where a target is in the way; others by errno.
 */
export async function copyOut(
  { name, root, privileges }: Subject,
  path: string,
  target: string | Writable,
  { archive = false, followLink = false, signal }: CopyOptions,
): Promise<readonly string[]> {
  using tree = openTree(root);
  const source = findSource(tree, name, path, followLink || isDirectoryPath(path));
  using _held = heldBy(source);
  const described: CopySource = {
    shown: `${name}:${path}`,
    isDirectory: source.kind === "directory",
    isContent: isContentPath(path),
    name: posix.basename(posix.resolve("/", path)),
  };
  requireDirectory(described, path);
  if (typeof target !== "string") {
    const said = described.isDirectory && described.isContent ? "" : described.name;
    const packing: Packing = { name: keyOf(said), privileges, standIn: rootStandIn(privileges) };
    return await pack(source, tree, packing, (chunks) => write(chunks, target, signal));
  }
  const { placement, directory } = hostTarget(described, target);
  using into = new RootedTree(directory, [], { followsLinks: false });
  const options: UnpackOptions = { tree: into, at: rootPath, owner: archive ? "kept" : "ours", privileges };
  return await copy(source, tree, placement, options, privileges, signal);
}

/**
 * From a path of the host, or a tar in a stream, to `path` in the container, which for a stream is a directory.
 * @throws {StorageError} as {@link copyOut}; ERR_PERMISSION_DENIED for a container or mount that is read-only;
 * ERR_INVALID_ARGUMENT for what is no tar.
 */
export async function copyIn(
  { name, root, privileges }: Subject,
  source: string | AsyncIterable<Uint8Array>,
  path: string,
  { archive = false, followLink = false, signal }: CopyOptions,
): Promise<readonly string[]> {
  using tree = openTree(root);
  const found = findTarget(tree, name, path);
  const into = found.kind === "directory" ? found.directory : found.parent;
  using _into = into;
  if (into.mount === undefined && root.isReadonly) {
    throw new StorageError("ERR_PERMISSION_DENIED", `cannot copy to ${name}:${path}: the container is read-only`);
  }
  if (typeof source !== "string") {
    if (found.kind !== "directory") {
      throw new StorageError(
        found.kind === "missing" ? "ERR_NOT_FOUND" : "ERR_FAILED_PRECONDITION",
        `cannot copy to ${name}:${path}: a stream goes into a directory that is there`,
      );
    }
    const options: UnpackOptions = { tree, at: found.directory.path, owner: "kept", privileges };
    return await unpackStream(source, options, signal);
  }
  using host = hostSource(source, followLink || isDirectoryPath(source));
  const described: CopySource = {
    shown: source,
    isDirectory: host.found.kind === "directory",
    isContent: isContentPath(source),
    name: basename(resolve(source)),
  };
  requireDirectory(described, source);
  const placement = placementOf(described, {
    shown: `${name}:${path}`,
    kind: found.kind,
    isMeantDirectory: isDirectoryPath(path),
    name: found.kind === "directory" ? "" : bytesOf(found.name).toString(),
  });
  const options: UnpackOptions = { tree, at: into.path, owner: archive ? "kept" : "theirs", privileges };
  return await copy(host.found, host.tree, placement, options, privileges, signal);
}

function openTree({ fd, mounts }: Pick<CopyRoot, "fd" | "mounts">): RootedTree {
  return new RootedTree(openat(fd, ".", O_PATH | O_DIRECTORY), mounts);
}

function present(found: Found): Present {
  if (found.kind !== "missing") return found;
  found.parent[Symbol.dispose]();
  throw new StorageError("ERR_NOT_FOUND", "no such file or directory");
}

function findSource(tree: RootedTree, name: string, path: string, followsLast: boolean): Present {
  try {
    return present(tree.resolve(keyOf(path), { followsLast }));
  } catch (error) {
    throw named(error, `cannot copy ${name}:${path}`);
  }
}

function findTarget(tree: RootedTree, name: string, path: string): Found {
  try {
    return tree.resolve(keyOf(path), { followsLast: true });
  } catch (error) {
    throw named(error, `cannot copy to ${name}:${path}`);
  }
}

/** With the path as it was given, once. */
function named(error: unknown, context: string): StorageError {
  const { code, message, details } = asStorageError(error);
  const reason = message.replace(/^cannot (?:find|go to) "(?:[^"\\]|\\.)*": /, "");
  return new StorageError(code, `${context}: ${reason}`, { details, cause: error });
}

function requireDirectory({ isDirectory, shown }: CopySource, path: string): void {
  if (isDirectory || !isDirectoryPath(path)) return;
  throw new StorageError("ERR_FAILED_PRECONDITION", `cannot copy ${shown}: it is not a directory`);
}
