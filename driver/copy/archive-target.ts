/** Into a new archive: a tar that streams into a file beside it, which takes the name once it is whole and on disk. */
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { link, lstat, rename, rm } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import { encodeIndex } from "../oci/image-index.ts";
import { parseReference } from "../oci/reference.ts";
import type { CopyTarget } from "./copy-target.ts";
import { blobPath, dockerManifest, layoutVersion, namedEntry } from "./layout-documents.ts";
import type { CopyPlan } from "./plan.ts";

export interface ArchivePlace {
  readonly kind: "oci-archive" | "docker-archive";
  readonly path: string;
  /** A tag or a reference; for a docker-archive a reference. */
  readonly name: string | undefined;
}

/**
 * An oci-archive, or a docker-archive that is one as well, as Docker writes it.
 * @throws {StorageError} ERR_ALREADY_EXISTS when something is there; ERR_INVALID_ARGUMENT for a name that is none, and for
 * an index in a docker-archive.
 */
export async function archiveTarget({ kind, path, name }: ArchivePlace, { root }: CopyPlan): Promise<CopyTarget> {
  const what = `${kind}:${path}${name === undefined ? "" : `:${name}`}`;
  if (kind === "docker-archive" && root.manifest === undefined) {
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot copy to ${what}: it holds one image, not an index; use oci-archive`,
    );
  }
  const reference = kind === "docker-archive" && name !== undefined ? parseReference(name) : undefined;
  await requireNone(path, what);
  const part = `${path}.part-${randomUUID()}`;
  const archive = pack();
  const stopped = new AbortController();
  const file = createWriteStream(part, { flags: "wx", flush: true });
  const tar = Readable.from(archive as AsyncIterable<Uint8Array>, { objectMode: false });
  const written = pipeline(tar, file, { signal: stopped.signal });
  written.catch(() => undefined);
  let isDone = false;

  const add = async (member: string, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    const header = { name: member, size, mode: 0o444, mtime: new Date(0), uid: 0, gid: 0 };
    const entry = archive.entry(header) as unknown as Writable;
    const filled = pipeline(Readable.from(bytes, { objectMode: false }), entry);
    filled.catch(() => undefined);
    // A full disk ends the file, and then nobody takes what goes into the tar.
    await Promise.race([filled, written.then(() => filled)]).catch((error: unknown) => {
      throw asStorageError(error, `cannot write ${what}`);
    });
  };
  const addBytes = (member: string, bytes: Uint8Array): Promise<void> => add(member, bytes.length, once(bytes));

  return {
    what,
    phase: "fetching",
    atOnce: 1,
    has: () => Promise.resolve(false),
    put: async (blob, open) => {
      await add(blobPath(blob.digest), blob.size, open());
      return "sent";
    },
    putDocument: ({ descriptor, bytes }) => addBytes(blobPath(descriptor.digest), bytes),
    finish: async (_plan, signal) => {
      const { descriptor, bytes, manifest } = root;
      await addBytes(blobPath(descriptor.digest), bytes);
      await addBytes("index.json", encodeIndex([namedEntry(descriptor, reference?.canonical ?? name)]));
      if (kind === "docker-archive" && manifest !== undefined) {
        await addBytes("manifest.json", dockerManifest(manifest, reference?.familiar));
      }
      await addBytes("oci-layout", layoutVersion);
      archive.finalize();
      try {
        await written;
        signal.throwIfAborted();
        await moveTo(part, path);
      } catch (error) {
        signal.throwIfAborted();
        if (isErrno(error, "EEXIST")) throw there(what);
        throw asStorageError(error, `cannot write ${what}`);
      }
      isDone = true;
    },
    [Symbol.asyncDispose]: async () => {
      if (!isDone) {
        stopped.abort();
        archive.destroy();
      }
      await written.catch(() => undefined);
      await rm(part, { force: true });
    },
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** Unlike a rename it does not replace what has come to be there meanwhile, where the file system can do that. */
async function moveTo(part: string, path: string): Promise<void> {
  try {
    await link(part, path);
  } catch (error) {
    if (!isErrno(error, "EPERM", "EOPNOTSUPP", "ENOSYS")) throw error;
    await rename(part, path);
  }
}

async function requireNone(path: string, what: string): Promise<void> {
  try {
    await lstat(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw asStorageError(error, `cannot write ${what}`);
  }
  throw there(what);
}

function there(what: string): StorageError {
  return new StorageError("ERR_ALREADY_EXISTS", `cannot copy to ${what}: there is a file already; remove it first`);
}
