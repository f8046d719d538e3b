/**
 * A blob's bytes from where they are wanted, whatever connections do meanwhile: each break is resumed where it came, as
 * often as there is progress. Exactly the promised number of bytes comes out or an error; whether they are the right ones
 * is for the reader to prove.
 */
import { StorageError } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isNondistributable } from "../oci/media-type.ts";
import { type Answer, dropBody } from "./exchange.ts";
import { failureOf, isPassing, isPassingError, networkFailure } from "./failures.ts";
import { pauseMs, waitFor } from "./patience.ts";
import { type Range, RangesAhead } from "./ranges-ahead.ts";
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
  const { size } = descriptor;
  let at = request.fromBytes;
  let failed = 0;
  /** Whether one connection may be too slow: the first range tells. */
  let mayPay = size - at >= host.ranges.leastBytes;
  await using ahead: RangesAhead = new RangesAhead({
    sizeBytes: size,
    ranges: host.ranges,
    limits: host.limits,
    signal,
    fetch: (range, aborted) => rangeAhead(host, { ...request, signal: aborted }, range, ahead),
  });
  while (at < size) {
    const before = at;
    ahead.fill(at);
    try {
      for await (const chunk of ahead.read(at)) {
        at += chunk.length;
        ahead.fill(at);
        yield chunk;
      }
      if (at > before) continue;
      const to = mayPay ? Math.min(ahead.endOfGap(at), at + host.ranges.rangeBytes) : size;
      const speed = new Speed();
      for await (const chunk of speed.of(transfer(host, request, { from: at, to }))) {
        at += chunk.length;
        yield chunk;
      }
      failed = 0;
      if (speed.bytesPerSecond >= host.ranges.slowBytesPerSecond) mayPay = false;
      else if (mayPay) ahead.want();
    } catch (error) {
      signal?.throwIfAborted();
      failed = at > before ? 1 : failed + 1;
      const mayPass = error instanceof PassingError || isPassingError(error);
      const known = error instanceof PassingError ? error.cause : networkFailure(context, host.endpoint.host, error);
      if (!mayPass || failed >= host.patience.attempts) throw known as Error;
      await waitFor(pauseMs(host.patience, failed), signal);
    }
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

/** How fast bytes come, by the time that they are waited for. */
class Speed {
  #bytes = 0;
  #waitedMs = 0;

  async *of(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let sinceMs = performance.now();
    for await (const chunk of chunks) {
      this.#waitedMs += performance.now() - sinceMs;
      this.#bytes += chunk.length;
      yield chunk;
      sinceMs = performance.now();
    }
  }

  get bytesPerSecond(): number {
    return (this.#bytes / Math.max(this.#waitedMs, 1)) * 1000;
  }
}

const statuses = [200, 206, 404, 416, 429, 500, 502, 503, 504];

/** All from `from` on where the server ignores ranges. */
async function* transfer(host: RegistryHost, request: BlobRequest, range: Range): AsyncGenerator<Uint8Array> {
  const { descriptor, signal } = request;
  using _slot = await host.limits.downloads.take(signal);
  let answer = await get(host, request, range);
  if (answer.status === 416 || (answer.status === 206 && !isOfRange(answer, range, descriptor.size))) {
    // It does not do ranges, or not this one: then from the start, and what is there is passed over.
    dropBody(answer);
    answer = await get(host, request, { from: 0, to: descriptor.size });
  }
  if (answer.status === 404 && isNondistributable(descriptor.mediaType) && descriptor.urls?.[0] !== undefined) {
    await answer.body.dump({ limit: 64 * 1024 });
    yield* await fromElsewhere(host, request, descriptor.urls, range);
    return;
  }
  yield* bodyOf(host, answer, request, range);
}

/** Nothing at all unless it is the range and no more. */
async function* rangeAhead(
  host: RegistryHost,
  request: BlobRequest,
  range: Range,
  ahead: RangesAhead,
): AsyncGenerator<Uint8Array> {
  const answer = await get(host, request, range);
  if (answer.status === 206 && isOfRange(answer, range, request.descriptor.size)) {
    yield* bodyOf(host, answer, request, range);
    return;
  }
  // A registry that is only busy now is no reason to do without.
  if (!isPassing(answer.status)) ahead.giveUp();
  host.pauseFor(answer, 1);
  dropBody(answer);
}

function get(host: RegistryHost, request: BlobRequest, range: Range): Promise<Answer> {
  const { context, repository, descriptor, scope, signal } = request;
  return host.send({
    context,
    method: "GET",
    path: `/${host.endpoint.repositoryOf(repository)}/blobs/${descriptor.digest}`,
    repository,
    scope,
    headers: rangeHeaders(range, descriptor.size),
    accept: statuses,
    signal,
    attempts: 1,
  });
}

function rangeHeaders({ from, to }: Range, size: number): Readonly<Record<string, string>> {
  if (to < size) return { range: `bytes=${from}-${to - 1}` };
  return from > 0 ? { range: `bytes=${from}-` } : {};
}

/** Layers that may not be in a registry: from where the manifest says, without anything of ours. */
async function fromElsewhere(
  host: RegistryHost,
  request: BlobRequest,
  urls: readonly string[],
  range: Range,
): Promise<AsyncIterable<Uint8Array>> {
  const { context, signal } = request;
  const url = urls.map((each) => URL.parse(each)).find((each) => each?.protocol === "https:" && each.username === "");
  if (url === null || url === undefined) {
    throw new StorageError("ERR_NOT_FOUND", `${context}: it is not in the registry, and at no https URL`);
  }
  const answer = await host.elsewhere(url, rangeHeaders(range, request.descriptor.size), signal);
  return bodyOf(host, answer, request, range);
}

async function* bodyOf(
  host: RegistryHost,
  answer: Answer,
  { context, descriptor }: BlobRequest,
  range: Range,
): AsyncGenerator<Uint8Array> {
  const { size } = descriptor;
  if (answer.status !== 200 && answer.status !== 206) {
    const isWaitedFor = host.pauseFor(answer, 1);
    const failure = await failureOf(context, answer);
    if (isPassing(answer.status) && isWaitedFor) throw new PassingError(failure);
    throw failure;
  }
  const wrong = (what: string): StorageError => {
    dropBody(answer);
    return new StorageError("ERR_DATA_LOSS", `${context}: ${answer.url.host} ${what}`, { details: { expected: size } });
  };
  if ((answer.headers["content-encoding"] ?? "identity") !== "identity") throw wrong("encoded it, which was not asked");
  if (answer.status === 206 && !isOfRange(answer, range, size)) {
    const said = JSON.stringify((answer.headers["content-range"] ?? "").slice(0, 60));
    throw wrong(`answers with range ${said} where ${range.from}-${range.to - 1} is expected`);
  }
  // A server that ignores ranges sends again what is there.
  const [start, end] = answer.status === 206 ? [range.from, range.to] : [0, size];
  const length = contentLengthOf(answer);
  if (length !== undefined && length !== end - start) {
    throw wrong(`offers ${length} bytes where ${end - start} are expected`);
  }
  let skip = range.from - start;
  let at = start;
  for await (const part of answer.body as AsyncIterable<Uint8Array>) {
    at += part.length;
    if (at > end) throw wrong(`sends more than ${end - start} bytes`);
    const fresh = skip === 0 ? part : part.subarray(Math.min(skip, part.length));
    skip -= part.length - fresh.length;
    if (fresh.length > 0) yield fresh;
  }
  if (at < end) throw new PassingError(wrong(`sent ${at - start} of ${end - start} bytes`));
}

function isOfRange({ headers }: Answer, { from, to }: Range, size: number): boolean {
  const [, first, last, total] = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+|\*)$/.exec(headers["content-range"] ?? "") ?? [];
  return Number(first) === from && Number(last) === to - 1 && (total === "*" || Number(total) === size);
}
