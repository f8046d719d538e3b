/** The files of a layout or an archive, by the names that its documents use. */
import { constants, open } from "node:fs/promises";
import { asStorageError, StorageError } from "../../base/errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { maxJsonBytes } from "../../oci/json.ts";
import { nameOf, requireContent, requireSize } from "../../content/blob-reader.ts";
import type { Documents } from "./documents.ts";
import type { FileSlice } from "./image-source.ts";

export interface NamedFiles {
  /** The archive or directory, for messages. */
  readonly what: string;
  /** Undefined when there is no such file. Names come from documents: they are looked up, never put together. */
  find(name: string): Promise<FileSlice | undefined>;
}

/** @throws {StorageError} ERR_NOT_FOUND naming the descriptor; ERR_DATA_LOSS when its file has another size. */
export async function findBlob(files: NamedFiles, descriptor: Descriptor): Promise<FileSlice> {
  const slice = await tryFindBlob(files, descriptor);
  if (slice === undefined) {
    throw new StorageError("ERR_NOT_FOUND", `cannot find ${nameOf(descriptor)}: it is not in ${files.what}`);
  }
  requireSize(`${nameOf(descriptor)} in ${files.what}`, descriptor.size, slice.sizeBytes);
  return slice;
}

/** A parsed digest is safe as a file name. */
export function tryFindBlob(files: NamedFiles, { digest }: Descriptor): Promise<FileSlice | undefined> {
  return files.find(`blobs/${digest.replace(":", "/")}`);
}

/** A document by its descriptor, size and digest proven. */
export async function readDocument(files: NamedFiles, descriptor: Descriptor): Promise<Uint8Array> {
  const bytes = await readSlice(await findBlob(files, descriptor), nameOf(descriptor));
  requireContent(descriptor, bytes);
  return bytes;
}

export function documentsIn(files: NamedFiles): Documents {
  return {
    what: files.what,
    areFar: false,
    has: async (descriptor) => (await tryFindBlob(files, descriptor)) !== undefined,
    read: (descriptor) => readDocument(files, descriptor),
  };
}

/** A document that nothing names by digest, or undefined. */
export async function readNamed(files: NamedFiles, name: string): Promise<Uint8Array | undefined> {
  const slice = await files.find(name);
  return slice && readSlice(slice, `${shown(name)} in ${files.what}`);
}

/** @throws {StorageError} ERR_RESOURCE_EXHAUSTED when there are more than `maxBytes`; ERR_DATA_LOSS when there are less. */
export async function readSlice(slice: FileSlice, what: string, maxBytes: number = maxJsonBytes): Promise<Uint8Array> {
  if (slice.sizeBytes > maxBytes) {
    throw new StorageError(
      "ERR_RESOURCE_EXHAUSTED",
      `cannot read ${what}: it has ${slice.sizeBytes} bytes, more than ${maxBytes}`,
    );
  }
  return readStart(slice, what, slice.sizeBytes);
}

/** The first bytes of a file, all of it if it is shorter. */
export async function readStart(slice: FileSlice, what: string, wantedBytes: number): Promise<Uint8Array> {
  const length = Math.min(wantedBytes, slice.sizeBytes);
  try {
    await using file = await open(slice.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, slice.offsetBytes + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    requireSize(what, length, done);
    return bytes;
  } catch (error) {
    throw asStorageError(error, `cannot read ${what}`);
  }
}

/** A name from a document, for messages. */
export function shown(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
