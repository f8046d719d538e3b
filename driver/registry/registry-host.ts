/** One endpoint in use: requests with authorization, patience and limits around the bare exchange. */
import type { Readable } from "node:stream";
import { StorageError } from "../base/errors.ts";
import { Authorizer } from "./authorizer.ts";
import type { ChunkOptions } from "./chunk-options.ts";
import type { Connections, TlsTrust } from "./connections.ts";
import type { Credentials } from "./identity.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Answer, exchange, type Method, type Outgoing } from "./exchange.ts";
import {
  failureOf,
  isNotTls,
  isPassing,
  isPassingError,
  isUnreachable,
  networkFailure,
  retryAfterMs,
} from "./failures.ts";
import { hostnameOf, isLoopback } from "./hosts.ts";
import type { HostLimits } from "./limits.ts";
import { pauseMs, type Patience, waitFor } from "./patience.ts";
import type { RangeOptions } from "./range-options.ts";
import { rateLimitOf } from "./rate-limit.ts";
import { speaksTls } from "./speaks-tls.ts";

export interface HostOptions {
  readonly endpoint: Endpoint;
  readonly connections: Connections;
  readonly patience: Patience;
  /** Of the host, whatever repositories it is asked for. */
  readonly limits: HostLimits;
  readonly ranges: RangeOptions;
  readonly chunks: ChunkOptions;
  readonly userAgent: string;
  readonly credentials: (repository: string) => Promise<Credentials | undefined>;
}

export interface HostRequest {
  /** "cannot pull localhost:5000/demo:1": begins the message of each failure. */
  readonly context: string;
  readonly method: Method;
  /** Below the endpoint's prefix, such as "/library/debian/manifests/12"; or a URL that the registry gave. */
  readonly path: string | URL;
  /** For credentials. */
  readonly repository: string;
  /** "repository:library/debian:pull"; "" for none. */
  readonly scope: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: (() => Uint8Array | Readable) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Statuses that are answers; all others are failures. */
  readonly accept: readonly number[];
  /** 1 for what its caller repeats itself. */
  readonly attempts?: number;
}

export class RegistryHost {
  readonly endpoint: Endpoint;
  readonly patience: Patience;
  readonly limits: HostLimits;
  readonly ranges: RangeOptions;
  readonly chunks: ChunkOptions;
  /** Until the first refusal. */
  takesChunks = true;
  readonly #connections: Connections;
  readonly #authorizer: Authorizer;
  readonly #trust: TlsTrust;
  readonly #userAgent: string;
  #scheme: "https" | "http" | undefined;

  constructor({ endpoint, connections, patience, limits, ranges, chunks, userAgent, credentials }: HostOptions) {
    this.endpoint = endpoint;
    this.patience = patience;
    this.limits = limits;
    this.ranges = ranges;
    this.chunks = chunks;
    this.#connections = connections;
    this.#trust = { files: endpoint.tls, isVerified: endpoint.isVerified };
    this.#userAgent = userAgent;
    this.#scheme = endpoint.scheme === "either" ? undefined : endpoint.scheme;
    this.#authorizer = new Authorizer({
      host: endpoint.host,
      credentials,
      send: (outgoing) => this.#exchange({ ...outgoing, url: outgoing.url }, undefined),
    });
  }

  /**
   * @throws {StorageError} beginning with the request's context; the signal's reason. Tries again what may pass.
   */
  async send(request: HostRequest): Promise<Answer> {
    const { context, signal, accept } = request;
    const attempts = request.attempts ?? this.patience.attempts;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      let answer: Answer;
      try {
        answer = await this.#authorized(request);
      } catch (error) {
        signal?.throwIfAborted();
        const isLast = attempt >= attempts || (attempt === 2 && isUnreachable(error));
        if (isLast || !isPassingError(error)) throw networkFailure(context, this.endpoint.host, error);
        await waitFor(pauseMs(this.patience, attempt), signal);
        continue;
      }
      if (accept.includes(answer.status)) return answer;
      const failure = await failureOf(context, answer);
      if (!isPassing(answer.status) || !this.pauseFor(answer, attempt)) throw failure;
      if (attempt >= attempts) throw failure;
      if (!isPause(answer)) await waitFor(pauseMs(this.patience, attempt), signal);
    }
  }

  /** A URL that a manifest names: nothing of ours goes there, no credentials, no headers, no certificates. */
  elsewhere(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal | undefined): Promise<Answer> {
    return exchange(this.#connections, {
      url,
      method: "GET",
      headers: { "user-agent": this.#userAgent, "accept-encoding": "identity", ...headers },
      secretHeaders: {},
      trust: systemTrust,
      signal,
      stallTimeoutMs: this.patience.stallTimeoutMs,
    });
  }

  /**
   * Keeps all requests from a host that wants a pause, for as long as it says, and where a 429 does not say for as long as
   * before try number `failed` + 1. False when that is longer than anyone waits.
   */
  pauseFor(answer: Answer, failed: number): boolean {
    if (!isPause(answer)) return true;
    return this.limits.pause(retryAfterMs(answer.headers) ?? pauseMs(this.patience, failed));
  }

  /** A 401 of the registry itself is answered, twice at most: once for a token that ran out, once for none. */
  async #authorized(request: HostRequest): Promise<Answer> {
    const { scope, repository, signal } = request;
    for (let round = 0; ; round++) {
      const authorization = await this.#authorizer.headerFor(scope);
      const answer = await this.#at(request, authorization);
      // Where a registry has an upload go is nobody to ask for credentials.
      const isHome = answer.isFromOrigin && answer.url.origin === this.#base(answer.url.protocol).origin;
      if (answer.status !== 401 || !isHome || round === 2) return answer;
      if (request.accept.includes(401)) return answer;
      await answer.body.dump({ limit: 64 * 1024 });
      signal?.throwIfAborted();
      await this.#authorizer.answer(answer.headers["www-authenticate"], {
        scope,
        repository,
        registry: answer.url,
        refused: authorization,
      });
    }
  }

  #base(protocol: string): URL {
    return new URL(`${protocol}//${this.endpoint.host}${this.endpoint.pathPrefix}`);
  }

  async #at(request: HostRequest, authorization: string | undefined): Promise<Answer> {
    const { method, path, signal } = request;
    const at = async (scheme: "https" | "http"): Promise<Answer> => {
      await this.limits.turn(signal);
      const base = this.#base(`${scheme}:`);
      const url = typeof path === "string" ? new URL(`${base.href}${path}`) : path;
      // Where a registry sends us for an upload need not be the registry.
      const isHome = url.origin === base.origin;
      const secrets = { ...this.endpoint.headers, ...(authorization !== undefined && { authorization }) };
      const secretHeaders = isHome ? secrets : {};
      const headers = request.headers ?? {};
      const answer = await this.#exchange({ url, method, headers, secretHeaders, body: request.body }, signal);
      const left = answer.url.host === base.host ? rateLimitOf(answer.headers) : undefined;
      if (left !== undefined) this.limits.observe(left);
      return answer;
    };
    const { host } = this.endpoint;
    if (this.#scheme === undefined && isLoopback(hostnameOf(host))) {
      this.#scheme = (await speaksTls(new URL(`https://${host}`), signal)) ? "https" : "http";
    }
    if (this.#scheme !== undefined) return at(this.#scheme);
    try {
      const answer = await at("https");
      this.#scheme = "https";
      return answer;
    } catch (error) {
      if (!isNotTls(error)) throw error;
    }
    const answer = await at("http");
    this.#scheme = "http";
    return answer;
  }

  #exchange(
    outgoing: Pick<Outgoing, "url" | "method" | "headers" | "secretHeaders" | "body">,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    return exchange(this.#connections, {
      ...outgoing,
      headers: { "user-agent": this.#userAgent, "accept-encoding": "identity", ...outgoing.headers },
      // A token server is another host, with the trust of the system.
      trust: outgoing.url.hostname === new URL(`https://${this.endpoint.host}`).hostname ? this.#trust : systemTrust,
      signal,
      // A registry that has received a blob first makes sure of it.
      stallTimeoutMs: this.patience.stallTimeoutMs * (outgoing.method === "PUT" ? 10 : 1),
    });
  }
}

/** It is meant for all who ask, not only for this request. */
function isPause({ status, headers }: Answer): boolean {
  return status === 429 || retryAfterMs(headers) !== undefined;
}

const systemTrust: TlsTrust = { files: { authorities: [], clients: [] }, isVerified: true };

/** @throws {StorageError} unless there is a whole number from 0 to 2^53-1. */
export function contentLengthOf(answer: Answer): number | undefined {
  const value = answer.headers["content-length"];
  if (value === undefined) return undefined;
  const size = /^[0-9]{1,16}$/.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new StorageError(
    "ERR_DATA_LOSS",
    `cannot read the answer of ${answer.url.host}: its Content-Length is no size`,
  );
}
