/**
 * Digests: `algorithm:encoded`, the identifier of exact bytes (image-spec descriptor.md, Digests).
 * Only sha256 is verified here, so only sha256 parses; a digest that has parsed is safe as a file name.
 */
import { StorageError } from "./errors.ts";

declare const digestBrand: unique symbol;

/** A parsed `sha256:<64 lower-case hex>`. */
export type Digest = `sha256:${string}` & { readonly [digestBrand]: true };

/** Digest of a layer's uncompressed tar (image-spec config.md, Layer DiffID). */
export type DiffId = Digest;

/** Identity of a stack of layers (image-spec config.md, Layer ChainID). */
export type ChainId = Digest;

const sha256Pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return sha256Pattern.test(text);
}

/** @throws {StorageError} ERR_INVALID_ARGUMENT unless `text` is sha256 and 64 lower-case hex digits. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const shown = JSON.stringify(text.slice(0, 100));
  throw new StorageError("ERR_INVALID_ARGUMENT", `cannot use digest ${shown}: want sha256:<64 lower-case hex digits>`);
}

/** The 64 hex digits, without the algorithm. */
export function encodedOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** The short form people read: 12 hex digits. */
export function shortOf(digest: Digest): string {
  return encodedOf(digest).slice(0, 12);
}

/** Bytes hashed in one go or by parts; engines are in wasm/ and node:crypto. One instance, one digest. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Digest;
}

/** @throws {StorageError} ERR_DATA_LOSS naming `what` and both digests unless they are equal. */
export function requireDigest(what: string, expected: Digest, actual: Digest): void {
  if (expected === actual) return;
  throw new StorageError("ERR_DATA_LOSS", `cannot trust ${what}: digest is ${actual}, expected ${expected}`, {
    details: { what, expected, actual },
  });
}
