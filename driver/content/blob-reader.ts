import { hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import type { Digest } from "../base/digest.ts";
import { requireDigest } from "../base/digest.ts";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** "media/type sha256:…": how a descriptor is named in messages. */
export function nameOf({ mediaType, digest }: { readonly mediaType: string; readonly digest: Digest }): string {
  return `${mediaType} ${digest}`;
}

/** @throws {StorageError} ERR_DATA_LOSS naming `what`, expected and actual, unless the sizes are equal. */
export function requireSize(what: string, expected: number, actual: number): void {
  if (expected === actual) return;
  throw new StorageError("ERR_DATA_LOSS", `cannot trust ${what}: it has ${actual} bytes, expected ${expected}`, {
    details: { what, expected, actual },
  });
}

/** @throws {StorageError} ERR_DATA_LOSS unless `bytes` are what the descriptor says: size first, then digest. */
export function requireContent(descriptor: Descriptor, bytes: Uint8Array): void {
  requireSize(nameOf(descriptor), descriptor.size, bytes.length);
  requireDigest(nameOf(descriptor), descriptor.digest, `sha256:${hash("sha256", bytes)}` as Digest);
}

/** The whole of a small blob, proven. Without threads, since that is several times as quick for hundreds of documents. */
export function readVerified(path: string, descriptor: Descriptor, maxBytes: number): Uint8Array {
  const what = nameOf(descriptor);
  if (descriptor.size > maxBytes) {
    throw new StorageError(
      "ERR_RESOURCE_EXHAUSTED",
      `cannot read ${what}: it has ${descriptor.size} bytes, more than ${maxBytes}`,
    );
  }
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      requireSize(what, descriptor.size, fstatSync(fd).size);
      const bytes = readFileSync(fd);
      requireContent(descriptor, bytes);
      return bytes;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isErrno(error, "ENOENT")) {
      throw new StorageError("ERR_NOT_FOUND", `cannot find ${what}: it is not stored`, { cause: error });
    }
    throw asStorageError(error, `cannot read ${what}`);
  }
}
