/** Blobs and manifests the other way (distribution-spec, Pushing): what is there is not sent. */
import type { Readable } from "node:stream";
import { isDigest, requireDigest, type Digest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Answer, redirectTarget } from "./exchange.ts";
import { isPassingError } from "./failures.ts";
import { pauseMs, waitFor } from "./patience.ts";
import { contentLengthOf, type RegistryHost } from "./registry-host.ts";

export interface PushTarget {
  /** "cannot push …": begins the message of each failure. */
  readonly context: string;
  readonly repository: string;
  readonly scope: string;
  readonly signal?: AbortSignal | undefined;
}

export interface PushedBlob extends PushTarget {
  readonly descriptor: Descriptor;
  /** The blob's bytes; called again when a transfer breaks. */
  readonly open: () => Readable;
  /** A repository of the same registry that may have the blob. */
  readonly mountFrom?: string | undefined;
}

const maxDropped = 64 * 1024;

export async function hasBlob(
  host: RegistryHost,
  { descriptor, ...target }: PushTarget & { descriptor: Descriptor },
): Promise<boolean> {
  const { context, repository, scope, signal } = target;
  const path = `/${host.endpoint.repositoryOf(repository)}/blobs/${descriptor.digest}`;
  const accept = [200, 404];
  const answer = await host.send({ context, method: "HEAD", path, repository, scope, accept, signal });
  await answer.body.dump({ limit: maxDropped });
  const length = contentLengthOf(answer);
  return answer.status === 200 && (length === undefined || length === descriptor.size);
}

/**
 * Resolves to "mounted" when the registry took it from another repository, else to "sent".
 * @throws {StorageError} ERR_DATA_LOSS when the registry calls what it received by another digest.
 */
export async function sendBlob(host: RegistryHost, blob: PushedBlob): Promise<"sent" | "mounted"> {
  const { context, descriptor, signal } = blob;
  using _slot = await host.limits.transfer(signal);
  for (let failed = 1; ; failed++) {
    try {
      const start = await startUpload(host, blob);
      if (start === "mounted") return "mounted";
      await upload(host, blob, start);
      return "sent";
    } catch (error) {
      signal?.throwIfAborted();
      if (failed >= host.patience.attempts || !isPassingError(error)) throw error;
    }
    await waitFor(pauseMs(host.patience, failed), signal);
    if (await hasBlob(host, { ...blob, context, descriptor })) return "sent";
  }
}

async function startUpload(host: RegistryHost, blob: PushedBlob): Promise<URL | "mounted"> {
  const { context, repository, scope, signal, descriptor, mountFrom } = blob;
  const query = new URLSearchParams();
  if (mountFrom !== undefined) {
    query.set("mount", descriptor.digest);
    query.set("from", host.endpoint.repositoryOf(mountFrom));
  }
  const words = query.toString();
  const answer = await host.send({
    context,
    method: "POST",
    path: `/${host.endpoint.repositoryOf(repository)}/blobs/uploads/${words === "" ? "" : `?${words}`}`,
    repository,
    scope,
    headers: { "content-length": "0" },
    accept: [201, 202],
    signal,
  });
  await answer.body.dump({ limit: maxDropped });
  return answer.status === 201 && mountFrom !== undefined ? "mounted" : locationOf(context, answer);
}

/** In one piece. Not repeated by itself: the upload it belongs to is begun anew. */
async function upload(host: RegistryHost, blob: PushedBlob, to: URL): Promise<void> {
  const { context, repository, scope, signal, descriptor, open } = blob;
  const url = new URL(to);
  url.searchParams.append("digest", descriptor.digest);
  const answer = await host.send({
    context,
    method: "PUT",
    path: url,
    repository,
    scope,
    headers: { "content-type": "application/octet-stream", "content-length": String(descriptor.size) },
    body: open,
    accept: [201, 204],
    signal,
    attempts: 1,
  });
  await answer.body.dump({ limit: maxDropped });
  requireAnnounced(`blob ${descriptor.digest} at ${answer.url.host}`, answer, descriptor.digest);
}

/** @param name a tag or the manifest's digest. */
export async function sendManifest(
  host: RegistryHost,
  { context, repository, scope, signal }: PushTarget,
  name: string,
  { descriptor, bytes }: { readonly descriptor: Descriptor; readonly bytes: Uint8Array },
): Promise<void> {
  const answer = await host.send({
    context,
    method: "PUT",
    path: `/${host.endpoint.repositoryOf(repository)}/manifests/${name}`,
    repository,
    scope,
    headers: { "content-type": descriptor.mediaType, "content-length": String(bytes.length) },
    body: () => bytes,
    accept: [201, 202],
    signal,
  });
  await answer.body.dump({ limit: maxDropped });
  requireAnnounced(`manifest ${name} at ${answer.url.host}`, answer, descriptor.digest);
}

function requireAnnounced(what: string, { headers }: Answer, expected: Digest): void {
  const said = headers["docker-content-digest"];
  if (typeof said === "string" && isDigest(said)) requireDigest(what, expected, said);
}

/** Where an upload goes on, by the rules for redirects. */
function locationOf(context: string, answer: Answer): URL {
  const { location } = answer.headers;
  if (typeof location === "string") return redirectTarget(answer.url, location);
  throw new StorageError("ERR_UNAVAILABLE", `${context}: ${answer.url.host} does not say where to upload to`);
}
