import { hash } from "node:crypto";
import { type Digest, parseDigest } from "../base/digest.ts";

/** Digest and size of a document, as a descriptor has them. */
export function hashBytes(bytes: Uint8Array): { readonly digest: Digest; readonly size: number } {
  return { digest: parseDigest(`sha256:${hash("sha256", bytes)}`), size: bytes.length };
}
