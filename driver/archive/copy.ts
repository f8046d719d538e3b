/** `export` and `cp`: a container's files out of it and into it. */
import { lstatSync, realpathSync, statSync, type Stats } from "node:fs";
import { basename, dirname, posix, resolve } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as turn } from "node:timers/promises";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import { bytesOf, latin1Of, rootPath, type RelPath } from "../base/path-bytes.ts";
import { compressionOf, createDecompressor, type Decompressor } from "../layer/decompress.ts";
import { compressionMagicBytes } from "../oci/compression.ts";
import { O_DIRECTORY, O_PATH } from "../sys/constants.ts";
import { fstatat, openat } from "../sys/linux.ts";
import { type Owner, type Privileges, rootStandIn } from "../sys/privileges.ts";
import { defaultTarLimits } from "../tar/entry.ts";
import { TarReader } from "../tar/tar-reader.ts";
import { createCore } from "../wasm/core.ts";
import { type CopySource, isContentPath, isDirectoryPath, type Placement, placementOf } from "./copy-rules.ts";
import { packTree } from "./pack-tree.ts";
import { Directory, type Found, openHostDirectory, type PlacedMount, RootedTree } from "./rooted-tree.ts";
import { TreeUnpacker, type UnpackOptions } from "./unpack-tree.ts";

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

type Present = Exclude<Found, { kind: "missing" }>;

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
    const packing: Packing = { name: key(said), privileges, standIn: rootStandIn(privileges) };
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

function key(path: string): RelPath {
  return latin1Of(Buffer.from(path)) as RelPath;
}

function heldBy(found: Present): Directory {
  return found.kind === "directory" ? found.directory : found.parent;
}

function present(found: Found): Present {
  if (found.kind !== "missing") return found;
  found.parent[Symbol.dispose]();
  throw new StorageError("ERR_NOT_FOUND", "no such file or directory");
}

function findSource(tree: RootedTree, name: string, path: string, followsLast: boolean): Present {
  try {
    return present(tree.resolve(key(path), { followsLast }));
  } catch (error) {
    throw named(error, `cannot copy ${name}:${path}`);
  }
}

function findTarget(tree: RootedTree, name: string, path: string): Found {
  try {
    return tree.resolve(key(path), { followsLast: true });
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

interface HostSource extends Disposable {
  readonly found: Present;
  readonly tree: RootedTree;
}

/** Ours to read as we are: links on the way are the host's own. */
function hostSource(path: string, followsLast: boolean): HostSource {
  try {
    const real = followsLast ? realpathSync(path) : resolve(path);
    if (lstatSync(real).isDirectory()) {
      const tree = new RootedTree(openHostDirectory(real));
      const directory = new Directory(openHostDirectory(real), rootPath, undefined);
      return hostFound({ kind: "directory", directory }, tree);
    }
    const parent = new Directory(openHostDirectory(dirname(real)), rootPath, undefined);
    const name = key(basename(real));
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

function hostTarget(source: CopySource, path: string): { readonly placement: Placement; readonly directory: number } {
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

interface Packing {
  readonly name: RelPath;
  readonly privileges: Privileges;
  readonly standIn: Owner | null;
}

async function pack(
  source: Present,
  tree: RootedTree,
  { name, privileges, standIn }: Packing,
  take: (chunks: Iterable<Uint8Array>) => Promise<void>,
): Promise<string[]> {
  const warnings: string[] = [];
  const onWarning = (text: string): void => {
    warnings.push(text);
  };
  await take(packTree(source, { name, tree, lends: !privileges.canChown, standIn, onWarning }));
  return warnings;
}

async function write(chunks: Iterable<Uint8Array>, target: Writable, signal: AbortSignal | undefined): Promise<void> {
  await pipeline(Readable.from(chunks, { objectMode: false }), target, { ...(signal && { signal }) });
}

async function copy(
  source: Present,
  tree: RootedTree,
  { name }: Placement,
  options: UnpackOptions,
  privileges: Privileges,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  using unpacker = new TreeUnpacker(options);
  const reader = new TarReader(unpacker, { limits: { ...defaultTarLimits, maxBytes: Number.MAX_SAFE_INTEGER } });
  const packing: Packing = { name: key(name), privileges, standIn: null };
  const warnings = await pack(source, tree, packing, async (chunks) => {
    for (const chunk of chunks) {
      reader.push(chunk);
      await turn();
      signal?.throwIfAborted();
    }
  });
  reader.end();
  unpacker.finish();
  return [...warnings, ...unpacker.warnings];
}

async function unpackStream(
  input: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const what = "the stream";
  const core = createCore();
  using unpacker = new TreeUnpacker(options);
  const reader = new TarReader(unpacker, { core });
  let decompressor: Decompressor | undefined;
  try {
    for await (const chunk of withWholeMagic(input)) {
      signal?.throwIfAborted();
      decompressor ??= createDecompressor(compressionOf(chunk, what), core, what, (bytes) => {
        reader.push(bytes);
      });
      await decompressor.push(chunk);
    }
    if (decompressor === undefined) throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${what}: it is empty`);
    await decompressor.end();
  } finally {
    decompressor?.close();
  }
  reader.end();
  unpacker.finish();
  return unpacker.warnings;
}

/** The first piece is long enough to tell by it what the stream is compressed with, if the stream is. */
async function* withWholeMagic(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Uint8Array = new Uint8Array();
  for await (const chunk of input) {
    if (start.length >= compressionMagicBytes) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length >= compressionMagicBytes) yield start;
  }
  if (start.length > 0 && start.length < compressionMagicBytes) yield start;
}
