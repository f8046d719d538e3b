/**
 * A blob's bytes from where they are wanted, whatever connections do meanwhile: each break is resumed where it came, as
 * often as there is progress. Exactly the promised number of bytes comes out or an error; whether they are the right ones
 * is for the reader to prove.
 */
import { StorageError } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isNondistributable } from "../oci/media-type.ts";
import type { Answer } from "./exchange.ts";
import { failureOf, isPassing, isPassingError, networkFailure } from "./failures.ts";
import { pauseMs, waitFor } from "./patience.ts";
import { contentLengthOf, type RegistryHost } from "./registry-host.ts";

export interface BlobRequest {
  /** "cannot pull …: layer sha256:…": begins the message of each failure. */
  readonly context: string;
  readonly repository: string;
  readonly scope: string;
  readonly descriptor: Descriptor;
  /** Bytes that are there already. */
  readonly fromBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** @throws {StorageError} ERR_DATA_LOSS for another size than the descriptor's; otherwise as RegistryHost.send. */
export async function* fetchBlob(
  host: RegistryHost,
  request: BlobRequest,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { context, signal, descriptor } = request;
  let at = request.fromBytes;
  let failed = 0;
  while (at < descriptor.size) {
    await host.limits.waitForPause(signal);
    const before = at;
    try {
      for await (const chunk of transfer(host, request, at)) {
        at += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      signal?.throwIfAborted();
      failed = at > before ? 1 : failed + 1;
      const mayPass = error instanceof PassingError || isPassingError(error);
      const known = error instanceof PassingError ? error.cause : networkFailure(context, host.endpoint.host, error);
      if (!mayPass || failed >= host.patience.attempts) throw known as Error;
    }
    await waitFor(pauseMs(host.patience, failed), signal);
  }
}

/** What another try may not meet. */
class PassingError extends Error {
  override readonly cause: StorageError;

  constructor(cause: StorageError) {
    super(cause.message);
    this.cause = cause;
  }
}

async function* transfer(host: RegistryHost, request: BlobRequest, from: number): AsyncGenerator<Uint8Array> {
  const { context, repository, descriptor, scope, signal } = request;
  using _slot = await host.limits.transfer(signal);
  const answer = await host.send({
    context,
    method: "GET",
    path: `/${host.endpoint.repositoryOf(repository)}/blobs/${descriptor.digest}`,
    repository,
    scope,
    headers: from > 0 ? { range: `bytes=${from}-` } : {},
    accept: [200, 206, 404, 416, 429, 500, 502, 503, 504],
    signal,
    attempts: 1,
  });
  if (answer.status === 404 && isNondistributable(descriptor.mediaType) && descriptor.urls?.[0] !== undefined) {
    await answer.body.dump({ limit: 64 * 1024 });
    yield* await fromElsewhere(host, request, descriptor.urls, from);
    return;
  }
  yield* bodyOf(host, answer, request, from);
}

/** Layers that may not be in a registry: from where the manifest says, without anything of ours. */
async function fromElsewhere(
  host: RegistryHost,
  request: BlobRequest,
  urls: readonly string[],
  from: number,
): Promise<AsyncIterable<Uint8Array>> {
  const { context, signal } = request;
  const url = urls.map((each) => URL.parse(each)).find((each) => each?.protocol === "https:" && each.username === "");
  if (url === null || url === undefined) {
    throw new StorageError("ERR_NOT_FOUND", `${context}: it is not in the registry, and at no https URL`);
  }
  const headers = from > 0 ? { range: `bytes=${from}-` } : {};
  const answer = await host.elsewhere(url, headers, signal);
  return bodyOf(host, answer, request, from);
}

async function* bodyOf(
  host: RegistryHost,
  answer: Answer,
  { context, descriptor }: BlobRequest,
  from: number,
): AsyncGenerator<Uint8Array> {
  const { size } = descriptor;
  if (answer.status !== 200 && answer.status !== 206) {
    const isWaitedFor = host.pauseFor(answer);
    const failure = await failureOf(context, answer);
    if (isPassing(answer.status) && isWaitedFor) throw new PassingError(failure);
    throw failure;
  }
  const wrong = (what: string): StorageError => {
    answer.body.destroy();
    return new StorageError("ERR_DATA_LOSS", `${context}: ${answer.url.host} ${what}`, { details: { expected: size } });
  };
  if ((answer.headers["content-encoding"] ?? "identity") !== "identity") throw wrong("encoded it, which was not asked");
  const start = answer.status === 206 ? rangeStart(answer, from, size, wrong) : 0;
  const length = contentLengthOf(answer);
  if (length !== undefined && length !== size - start) {
    throw wrong(`offers ${length} bytes where ${size - start} are expected`);
  }
  // A server that ignores ranges sends again what is there.
  let skip = from - start;
  let at = start;
  for await (const part of answer.body as AsyncIterable<Uint8Array>) {
    at += part.length;
    if (at > size) throw wrong(`sends more than ${size} bytes`);
    const fresh = skip === 0 ? part : part.subarray(Math.min(skip, part.length));
    skip -= part.length - fresh.length;
    if (fresh.length > 0) yield fresh;
  }
  if (at < size) throw new PassingError(wrong(`sent ${at} of ${size} bytes`));
}

function rangeStart(answer: Answer, from: number, size: number, wrong: (what: string) => StorageError): number {
  const range = answer.headers["content-range"] ?? "";
  const [, first, last, total] = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+|\*)$/.exec(range) ?? [];
  const isRight = Number(first) === from && Number(last) === size - 1 && (total === "*" || Number(total) === size);
  if (!isRight)
    throw wrong(`answers with range ${JSON.stringify(range.slice(0, 60))} where ${from}-${size - 1} is expected`);
  return from;
}
