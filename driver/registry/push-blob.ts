/** Blobs and manifests the other way (distribution-spec, Pushing): what is there is not sent. */
import { StorageError } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { ChunksRefused, UploadLost, uploadInChunks } from "./chunked-upload.ts";
import { isPassingError } from "./failures.ts";
import { pauseMs, waitFor } from "./patience.ts";
import type { PushedBlob, PushTarget } from "./pushed-blob.ts";
import { contentLengthOf, type RegistryHost } from "./registry-host.ts";
import { locationOf, maxDropped, requireAnnounced } from "./upload-answers.ts";

/** However much a registry would like at once. */
const maxChunkBytes = 64 * 1024 * 1024;

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
  using _slot = await host.limits.uploads.take(signal);
  for (let failed = 1; ; failed++) {
    try {
      const start = await startUpload(host, blob);
      if (start === "mounted") return "mounted";
      if (descriptor.size < host.chunks.leastBytes || !host.takesChunks) await upload(host, blob, start.location);
      else await uploadInChunks(host, blob, start.location, Math.max(start.leastChunkBytes, host.chunks.chunkBytes));
      return "sent";
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ChunksRefused) {
        host.takesChunks = false;
        continue;
      }
      const isLost = error instanceof UploadLost;
      if (failed >= host.patience.attempts) throw isLost ? lost(blob, error) : error;
      if (!isLost && !isPassingError(error)) throw error;
    }
    await waitFor(pauseMs(host.patience, failed), signal);
    if (await hasBlob(host, { ...blob, context, descriptor })) return "sent";
  }
}

function lost({ context, descriptor }: PushedBlob, { message }: UploadLost): StorageError {
  return new StorageError(
    "ERR_UNAVAILABLE",
    `${context}: the registry loses what it is sent of ${descriptor.digest}: ${message}`,
  );
}

interface StartedUpload {
  readonly location: URL;
  /** What the registry says that chunks must not be smaller than. */
  readonly leastChunkBytes: number;
}

async function startUpload(host: RegistryHost, blob: PushedBlob): Promise<StartedUpload | "mounted"> {
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
  if (answer.status === 201 && mountFrom !== undefined) return "mounted";
  const least = Number(/^[0-9]{1,9}$/.exec(String(answer.headers["oci-chunk-min-length"]))?.[0] ?? 0);
  return { location: locationOf(context, answer), leastChunkBytes: Math.min(least, maxChunkBytes) };
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
