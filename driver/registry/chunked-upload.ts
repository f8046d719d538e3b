/**
 * A blob in pieces (distribution-spec, Pushing a blob in chunks). A piece is kept until the registry has said that it has
 * it: what breaks goes on where the registry says it is, without asking for the blob's bytes again.
 */
import { StorageError } from "../base/errors.ts";
import type { Answer } from "./exchange.ts";
import { failureOf, isPassing, isPassingError } from "./failures.ts";
import { pauseMs, waitFor } from "./patience.ts";
import type { PushedBlob } from "./pushed-blob.ts";
import type { RegistryHost } from "./registry-host.ts";
import { locationOf, maxDropped, requireAnnounced } from "./upload-answers.ts";

/** The registry has forgotten the upload, or part of it: another may work. */
export class UploadLost extends Error {}

/** The registry takes blobs in one piece only. */
export class ChunksRefused extends Error {}

const refusals = [400, 404, 405, 411, 413, 415, 501];

/** @throws {UploadLost}; {@link ChunksRefused}; {@link StorageError} ERR_DATA_LOSS for another digest; as `send`. */
export async function uploadInChunks(host: RegistryHost, blob: PushedBlob, to: URL, chunkBytes: number): Promise<void> {
  const { context, repository, scope, signal, descriptor } = blob;
  let location = to;
  let at = 0;
  for await (const chunk of inChunks(blob.open(), chunkBytes)) {
    location = await sendChunk(host, blob, location, at, chunk);
    at += chunk.length;
  }
  const url = new URL(location);
  url.searchParams.append("digest", descriptor.digest);
  const headers = { "content-length": "0", "content-type": "application/octet-stream" };
  const accept = [201, 204];
  const request = { context, path: url, repository, scope, headers, accept, signal, attempts: 1 };
  const answer = await host.send({ ...request, method: "PUT" });
  await answer.body.dump({ limit: maxDropped });
  requireAnnounced(`blob ${descriptor.digest} at ${answer.url.host}`, answer, descriptor.digest);
}

/** Resolves to where the next one goes. */
async function sendChunk(host: RegistryHost, blob: PushedBlob, to: URL, at: number, chunk: Uint8Array): Promise<URL> {
  const { context, repository, scope, signal } = blob;
  const end = at + chunk.length;
  let location = to;
  let from = at;
  for (let failed = 1; ; failed++) {
    try {
      const left = chunk.subarray(from - at);
      const answer = await host.send({
        context,
        method: "PATCH",
        path: location,
        repository,
        scope,
        headers: {
          "content-type": "application/octet-stream",
          "content-length": String(left.length),
          "content-range": `${from}-${end - 1}`,
        },
        body: () => left,
        accept: [202, 204, 416, ...refusals],
        signal,
        attempts: 1,
      });
      if (answer.status === 202 || answer.status === 204) {
        await answer.body.dump({ limit: maxDropped });
        location = locationOf(context, answer);
        const reached = reachedBy(answer) ?? end;
        if (reached === end) return location;
        if (reached <= from || reached > end) throw new UploadLost(`it has ${reached} bytes where ${end} were sent`);
        from = reached;
        continue;
      }
      if (answer.status !== 416) {
        const failure = await failureOf(context, answer);
        throw at === 0 && from === 0 ? new ChunksRefused(failure.message) : new UploadLost(failure.message);
      }
      await answer.body.dump({ limit: maxDropped });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UploadLost || error instanceof ChunksRefused) throw error;
      if (failed >= host.patience.attempts || !isPassingFailure(error)) throw error;
      await waitFor(pauseMs(host.patience, failed), signal);
    }
    if (failed >= host.patience.attempts) throw new UploadLost("it wants no range that it is offered");
    const found = await whereItIs(host, blob, location);
    location = found.location;
    if (found.reached < at || found.reached > end) {
      throw new UploadLost(`it has ${found.reached} bytes where ${at} to ${end} are expected`);
    }
    from = found.reached;
    if (from === end) return location;
  }
}

/** A broken connection, or a registry that is busy. */
function isPassingFailure(error: unknown): boolean {
  if (isPassingError(error)) return true;
  const status = error instanceof StorageError ? error.details["status"] : undefined;
  return typeof status === "number" && isPassing(status);
}

/** @throws {UploadLost} where the registry does not know. */
async function whereItIs(
  host: RegistryHost,
  { context, repository, scope, signal }: PushedBlob,
  path: URL,
): Promise<{ readonly location: URL; readonly reached: number }> {
  const accept = [204, 400, 404, 405, 416];
  const answer = await host.send({ context, method: "GET", path, repository, scope, accept, signal });
  await answer.body.dump({ limit: maxDropped });
  const reached = reachedBy(answer);
  if (answer.status !== 204 || reached === undefined) throw new UploadLost("it does not say how far it is");
  return { location: answer.headers.location === undefined ? path : locationOf(context, answer), reached };
}

/** From "0-1023", the bytes that the registry has: 1024. An empty upload is "0-0" too. */
function reachedBy({ headers }: Answer): number | undefined {
  const last = /^(?:bytes=)?0-([0-9]{1,16})$/.exec(headers["range"] ?? "")?.[1];
  if (last === undefined) return undefined;
  return last === "0" ? 0 : Number(last) + 1;
}

/** Of equal length, but for the last. Each is memory of its own. */
async function* inChunks(bytes: AsyncIterable<Uint8Array>, chunkBytes: number): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of bytes) {
    for (let rest = part; rest.length > 0;) {
      const taken = rest.subarray(0, chunkBytes - length);
      parts.push(taken);
      length += taken.length;
      rest = rest.subarray(taken.length);
      if (length < chunkBytes) continue;
      yield Buffer.concat(parts, length);
      parts = [];
      length = 0;
    }
  }
  if (length > 0) yield Buffer.concat(parts, length);
}
