/** Into a repository of a registry: what another repository there has is mounted. */
import { Readable } from "node:stream";
import { StorageError } from "../base/errors.ts";
import type { Reference } from "../oci/reference.ts";
import { hasBlob, sendBlob, sendManifest } from "../registry/push-blob.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { CopySource } from "./copy-source.ts";
import type { CopyTarget } from "./copy-target.ts";
import type { CopyPlan } from "./plan.ts";

/** @throws {StorageError} ERR_INVALID_ARGUMENT for a digest in `reference` that the image has not. */
export function registryTarget(
  client: RegistryClient,
  reference: Reference,
  { reference: from }: CopySource,
  { root: { descriptor } }: CopyPlan,
): CopyTarget {
  const context = `cannot copy to ${reference.familiar}`;
  if (reference.digest !== undefined && reference.digest !== descriptor.digest) {
    throw new StorageError("ERR_INVALID_ARGUMENT", `${context}: the image's digest is ${descriptor.digest}`);
  }
  const host = client.forPush(reference);
  const isNear = from?.domain === reference.domain && from.path !== reference.path;
  const mountFrom = isNear ? from.path : undefined;
  // What may be mounted must be readable too, and a token says all of it at once.
  const scopes = [`repository:${reference.path}:pull,push`, ...(isNear ? [`repository:${from.path}:pull`] : [])];
  const target = { context, repository: reference.path, scope: scopes.join(" ") };
  return {
    what: reference.canonical,
    phase: "pushing",
    atOnce: 8,
    has: (blob, signal) => hasBlob(host, { ...target, signal, descriptor: blob }),
    put: (blob, open, signal) =>
      sendBlob(host, {
        ...{ ...target, signal, descriptor: blob, mountFrom },
        open: () => Readable.from(open(), { objectMode: false }),
      }),
    putDocument: (document, signal) => sendManifest(host, { ...target, signal }, document.descriptor.digest, document),
    finish: ({ root }, signal) =>
      sendManifest(host, { ...target, signal }, reference.tag ?? root.descriptor.digest, root),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
