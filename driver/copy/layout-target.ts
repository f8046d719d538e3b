/**
 * Into an OCI layout in a folder, made if missing, beside the images that it has. One copy at a time has it: others wait.
 * Blobs are written in a workshop of the folder's own and moved to where they belong; index.json is replaced last.
 */
import { randomUUID } from "node:crypto";
import { constants, type Dirent } from "node:fs";
import { lstat, mkdir, open, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import { publish } from "../content/durable.ts";
import { annotations } from "../oci/annotations.ts";
import { parseIndex } from "../oci/image-index.ts";
import { maxJsonBytes, parseJsonObject } from "../oci/json.ts";
import { mediaTypes } from "../oci/media-type.ts";
import { openLocked } from "../sys/lock-file.ts";
import type { CopyTarget } from "./copy-target.ts";
import { blobPath, json, layoutVersion, namedEntry } from "./layout-documents.ts";

const workshopPrefix = ".laminate-copy-";
const pollMs = 50;

export interface LayoutPlace {
  readonly path: string;
  /** Undefined for an image without a name. */
  readonly name: string | undefined;
}

/** @throws {StorageError} ERR_FAILED_PRECONDITION for a folder with other things, or a layout of another version. */
export async function layoutTarget(
  { path: dir, name }: LayoutPlace,
  signal: AbortSignal | undefined,
): Promise<CopyTarget> {
  const what = `oci:${dir}${name === undefined ? "" : `:${name}`}`;
  await using scope = new AsyncDisposableStack();
  /** Undone in reverse, unless all went well. */
  const undo: (() => Promise<void>)[] = [];
  let isDone = false;
  const takeBack = async (): Promise<void> => {
    for (const step of isDone ? [] : undo.splice(0).toReversed()) await step().catch(() => undefined);
  };
  scope.defer(takeBack);
  const makeDirectory = async (path: string): Promise<void> => {
    try {
      await mkdir(path);
      undo.push(() => rmdir(path));
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  };
  const workshop = join(dir, `${workshopPrefix}${randomUUID()}`);
  try {
    await makeDirectory(dir);
    await ensureLayout(dir, what, undo);
    scope.use(await lockOf(join(dir, "oci-layout"), signal));
    // While the folder is still ours.
    scope.defer(takeBack);
    await requireVersion(dir, what);
    await removeWorkshops(dir);
    for (const each of ["blobs", "blobs/sha256"]) await makeDirectory(join(dir, each));
    await mkdir(workshop);
    scope.defer(() => rm(workshop, { recursive: true, force: true }));
  } catch (error) {
    signal?.throwIfAborted();
    throw asStorageError(error, `cannot copy to ${what}`);
  }

  /** @throws what the bytes throw. */
  const write = async (member: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> => {
    const part = join(workshop, randomUUID());
    const path = join(dir, member);
    try {
      {
        await using file = await open(part, "wx", 0o644);
        for await (const chunk of bytes) await file.writeFile(chunk);
      }
      const isNew = !(await isThere(path));
      await publish(part, path, "full");
      if (isNew) undo.push(() => rm(path, { force: true }));
    } catch (error) {
      await rm(part, { force: true });
      throw asStorageError(error, `cannot write ${path}`);
    }
  };
  const held = scope.move();
  return {
    what,
    phase: "fetching",
    atOnce: 4,
    has: async ({ digest, size }) => (await sizeOf(join(dir, blobPath(digest)))) === size,
    put: async ({ digest }, open) => {
      await write(blobPath(digest), open());
      return "sent";
    },
    putDocument: ({ descriptor, bytes }) => write(blobPath(descriptor.digest), [bytes]),
    finish: async ({ root }, aborted) => {
      await write(blobPath(root.descriptor.digest), [root.bytes]);
      const index = await changedIndex(dir, namedEntry(root.descriptor, name), name);
      aborted.throwIfAborted();
      await write("index.json", [index]);
      isDone = true;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** The file that makes a folder a layout; in a folder with other things nothing is begun. */
async function ensureLayout(dir: string, what: string, undo: (() => Promise<void>)[]): Promise<void> {
  const path = join(dir, "oci-layout");
  if (await isThere(path)) return;
  const [other] = (await readdir(dir)).filter((each) => each !== "oci-layout");
  if (other !== undefined && !(await isThere(path))) {
    throw new StorageError(
      "ERR_FAILED_PRECONDITION",
      `cannot copy to ${what}: the folder has ${JSON.stringify(other)} and is no OCI layout`,
    );
  }
  try {
    await writeFile(path, layoutVersion, { flag: "wx", mode: 0o644 });
    undo.push(() => rm(path, { force: true }));
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

async function lockOf(path: string, signal: AbortSignal | undefined): Promise<Disposable> {
  for (;;) {
    signal?.throwIfAborted();
    const lock = openLocked(path, { exclusive: true, nonBlocking: true });
    if (lock !== undefined) return lock;
    await sleep(pollMs, undefined, signal && { signal });
  }
}

async function requireVersion(dir: string, what: string): Promise<void> {
  const path = join(dir, "oci-layout");
  const bytes = await readFile(path);
  // Whoever made it took it back while this waited.
  if (bytes.length === 0) {
    await writeFile(path, layoutVersion);
    return;
  }
  const version = parseJsonObject(bytes, path).string("imageLayoutVersion");
  if (/^1\./.test(version)) return;
  const shown = JSON.stringify(version.slice(0, 40));
  throw new StorageError("ERR_FAILED_PRECONDITION", `cannot copy to ${what}: its imageLayoutVersion is ${shown}`);
}

/** Of copies that were killed: those that live hold the lock. */
async function removeWorkshops(dir: string): Promise<void> {
  const isWorkshop = (entry: Dirent): boolean => entry.isDirectory() && entry.name.startsWith(workshopPrefix);
  const entries = await readdir(dir, { withFileTypes: true });
  for (const { name } of entries.filter(isWorkshop)) await rm(join(dir, name), { recursive: true, force: true });
}

/** The name moves to `entry`; all other entries keep what they have, also what nobody here knows. */
async function changedIndex(
  dir: string,
  entry: ReturnType<typeof namedEntry>,
  name: string | undefined,
): Promise<Uint8Array> {
  const path = join(dir, "index.json");
  if (!(await isThere(path))) return json({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] });
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const { size } = await file.stat();
  if (size > maxJsonBytes) throw new StorageError("ERR_RESOURCE_EXHAUSTED", `cannot read ${path}: it is too long`);
  const bytes = await file.readFile();
  const { manifests } = parseIndex(bytes);
  const document = JSON.parse(bytes.toString()) as { manifests: readonly unknown[] };
  const others = document.manifests.filter((_, at) => {
    const known = manifests[at];
    const called = known?.annotations?.[annotations.refName];
    return name === undefined ? called !== undefined || known?.digest !== entry.digest : called !== name;
  });
  return json({ ...document, manifests: [...others, entry] });
}

async function isThere(path: string): Promise<boolean> {
  return (await sizeOf(path)) !== undefined;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw asStorageError(error, `cannot look for ${path}`);
  }
}
