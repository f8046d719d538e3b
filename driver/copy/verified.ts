/** Bytes proven while they pass: the last of them only goes on once all are known to be right. */
import { createHash } from "node:crypto";
import { type Digest, requireDigest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import { requireSize } from "../content/blob-reader.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/**
 * So whoever writes what comes out never has all of a wrong blob.
 * @throws {StorageError} ERR_DATA_LOSS naming `what`, and both sizes or both digests.
 */
export async function* verified(
  what: string,
  { digest, size }: Descriptor,
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (passedBytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = createHash("sha256");
  let held: Uint8Array | undefined;
  let passedBytes = 0;
  for await (const chunk of chunks) {
    passedBytes += chunk.length;
    if (passedBytes > size) {
      throw new StorageError("ERR_DATA_LOSS", `cannot trust ${what}: it has more than ${size} bytes`, {
        details: { what, expected: size },
      });
    }
    hasher.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
    onBytes(passedBytes);
  }
  requireSize(what, size, passedBytes);
  requireDigest(what, digest, `sha256:${hasher.digest("hex")}` as Digest);
  if (held !== undefined) yield held;
}
