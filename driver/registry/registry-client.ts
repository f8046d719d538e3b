/**
 * registry/ speaks the distribution specification: documents, blobs and tags of repositories, both ways. It knows no
 * store: what comes in are bytes with what they must turn out to be, and documents are proven before they are returned.
 *
 * Credentials go to the origin they are for and to its token server, nowhere else; TLS is never left.
 */
import { StorageError } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Reference } from "../oci/reference.ts";
import { type ChunkOptions, defaultChunks } from "./chunk-options.ts";
import { Connections } from "./connections.ts";
import { findCredentials } from "./credentials.ts";
import type { Credentials } from "./identity.ts";
import type { Capability, Endpoint } from "./endpoint.ts";
import { endpointsFor } from "./endpoints.ts";
import { fetchBlob } from "./fetch-blob.ts";
import { fetchManifest, type FetchedManifest, headManifest, type ManifestName } from "./manifests.ts";
import { hostnameOf, isLoopback } from "./hosts.ts";
import { HostLimits } from "./limits.ts";
import { defaultPatience, type Patience } from "./patience.ts";
import { defaultRanges, type RangeOptions } from "./range-options.ts";
import { RegistryHost } from "./registry-host.ts";
import { listTags } from "./tags.ts";

export interface RegistryOptions {
  /** Instead of Docker's and containers' files. */
  readonly authFile?: string | undefined;
  /** Instead of what files and helpers have, at every registry. */
  readonly credentials?: { readonly username: string; readonly password: string } | undefined;
  /** Directories of hosts.toml and certs.d; the system's and the user's unless given. */
  readonly hostsDirs?: readonly string[] | undefined;
  /** False: certificates are not checked, and plain HTTP is used where a host does not speak TLS. True by default. */
  readonly isTlsVerified?: boolean | undefined;
  /** Blobs on their way at once, for each host; 6 by default. */
  readonly transfersAtOnce?: number | undefined;
  /** Requests begun in a second, at most, to each host; hosts.toml may have another number for one. No limit by default. */
  readonly requestsPerSecond?: number | undefined;
  readonly patience?: Partial<Patience> | undefined;
  /** When blobs are fetched in several ranges at once: long ones, where a connection is slow and there is one to spare. */
  readonly ranges?: Partial<RangeOptions> | undefined;
  /** When blobs are sent in several pieces: long ones, to other machines. */
  readonly chunks?: Partial<ChunkOptions> | undefined;
  /** process.env unless given: proxies, certificates, where configuration lies. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
}

const defaultTransfers = 6;

export class RegistryClient implements AsyncDisposable {
  readonly #options: RegistryOptions;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #connections: Connections;
  readonly #hosts = new Map<string, RegistryHost>();
  readonly #limits = new Map<string, HostLimits>();

  constructor(options: RegistryOptions = {}) {
    this.#options = options;
    this.#env = options.env ?? process.env;
    const transfers = options.transfersAtOnce ?? defaultTransfers;
    // As many each way, and two more, so that documents do not wait behind blobs.
    this.#connections = new Connections({ perHost: 2 * transfers + 2, connectTimeoutMs: 30_000, env: this.#env });
  }

  /**
   * The document that a reference names, whichever digest it has: a digest in the reference is proven.
   * @throws {StorageError} ERR_NOT_FOUND; ERR_UNAUTHENTICATED; ERR_PERMISSION_DENIED; ERR_UNAVAILABLE; ERR_DATA_LOSS
   * for a digest that is not the one asked for; ERR_RESOURCE_EXHAUSTED above 4 MiB.
   */
  async resolve(reference: Reference, { signal }: FetchOptions = {}): Promise<FetchedManifest> {
    const context = `cannot pull ${reference.familiar}`;
    const name: ManifestName = reference.digest ?? reference.tag ?? "latest";
    return this.#firstOf(reference, "resolve", signal, (host) =>
      fetchManifest(host, { context, repository: reference.path, name, scope: pullScope(reference), signal }),
    );
  }

  /** As {@link resolve}, by a HEAD: only what the registry says about it. */
  async head(reference: Reference, { signal }: FetchOptions = {}): Promise<Descriptor> {
    const context = `cannot look up ${reference.familiar}`;
    const name: ManifestName = reference.digest ?? reference.tag ?? "latest";
    return this.#firstOf(reference, "resolve", signal, (host) =>
      headManifest(host, { context, repository: reference.path, name, scope: pullScope(reference), signal }),
    );
  }

  /** A manifest or an index by its descriptor, size and digest proven. @throws as {@link resolve}. */
  async manifest(reference: Reference, descriptor: Descriptor, { signal }: FetchOptions = {}): Promise<Uint8Array> {
    const context = `cannot pull ${reference.familiar}`;
    const { digest: name, size } = descriptor;
    const found = await this.#firstOf(reference, "pull", signal, (host) =>
      fetchManifest(host, { context, repository: reference.path, name, scope: pullScope(reference), signal }),
    );
    if (found.bytes.length === size) return found.bytes;
    throw new StorageError(
      "ERR_DATA_LOSS",
      `${context}: ${descriptor.mediaType} ${name} has ${found.bytes.length} bytes, expected ${size}`,
      { details: { expected: size, actual: found.bytes.length } },
    );
  }

  /**
   * The bytes of a blob from `fromBytes` on, exactly as many as its descriptor says; connections that break are resumed.
   * The digest is for the reader to prove: it sees all bytes, also those it had before.
   * @throws {StorageError} as {@link resolve}; ERR_DATA_LOSS when the registry has another number of bytes.
   */
  async *blob(
    reference: Reference,
    descriptor: Descriptor,
    { fromBytes = 0, signal }: FetchOptions & { readonly fromBytes?: number } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const context = `cannot pull ${reference.familiar}: ${descriptor.digest}`;
    const hosts = this.#hostsOf(reference, "pull");
    let at = fromBytes;
    for (const [index, host] of hosts.entries()) {
      const request = {
        context,
        repository: reference.path,
        scope: pullScope(reference),
        descriptor,
        fromBytes: at,
        signal,
      };
      try {
        for await (const chunk of fetchBlob(host, request)) {
          at += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        signal?.throwIfAborted();
        if (index === hosts.length - 1) throw error;
      }
    }
  }

  /** Every tag of the repository, in the registry's order. */
  async tags(reference: Reference, { signal }: FetchOptions = {}): Promise<readonly string[]> {
    const context = `cannot list tags of ${reference.familiar}`;
    return this.#firstOf(reference, "resolve", signal, (host) =>
      listTags(host, { context, repository: reference.path, scope: pullScope(reference), signal }),
    );
  }

  /** Asks whether this is a registry that knows us. @throws {StorageError} ERR_UNAUTHENTICATED. */
  async ping(domain: string, { signal }: FetchOptions = {}): Promise<void> {
    const host = this.forPush({ domain, path: "" });
    const context = `cannot log in at ${domain}`;
    const answer = await host.send({
      context,
      method: "GET",
      path: "/",
      repository: "",
      scope: "",
      accept: [200],
      signal,
    });
    await answer.body.dump({ limit: 64 * 1024 });
  }

  /** The endpoint that takes what is pushed. */
  forPush(reference: Pick<Reference, "domain" | "path">): RegistryHost {
    const [host] = this.#hostsOf(reference, "push").slice(-1);
    if (host === undefined) throw new TypeError("the registry itself is always there");
    return host;
  }

  #hostsOf({ domain, path }: Pick<Reference, "domain" | "path">, capability: Capability): readonly RegistryHost[] {
    const { hostsDirs, isTlsVerified } = this.#options;
    const endpoints = endpointsFor(domain, path, { hostsDirs, isTlsVerified, env: this.#env });
    const able = endpoints.filter(({ capabilities }) => capabilities.has(capability));
    if (able.length === 0) {
      throw new StorageError(
        "ERR_FAILED_PRECONDITION",
        `cannot use ${domain}: no host of it may be used to ${capability}`,
      );
    }
    return able.map((endpoint) => {
      const key = JSON.stringify({ ...endpoint, capabilities: [...endpoint.capabilities] });
      let host = this.#hosts.get(key);
      if (host === undefined) {
        host = new RegistryHost({
          endpoint,
          connections: this.#connections,
          patience: { ...defaultPatience, ...this.#options.patience },
          limits: this.#limitsOf(endpoint),
          ranges: { ...defaultRanges, ...this.#options.ranges },
          chunks: { ...chunksFor(endpoint.host), ...this.#options.chunks },
          userAgent: "laminate",
          credentials: (repository) => this.#credentialsAt(endpoint.credentialsOf, repository),
        });
        this.#hosts.set(key, host);
      }
      return host;
    });
  }

  /** One for all that is asked of a host. */
  #limitsOf({ host, requestsPerSecond }: Endpoint): HostLimits {
    let limits = this.#limits.get(host);
    if (limits === undefined) {
      const { transfersAtOnce = defaultTransfers, patience } = this.#options;
      limits = new HostLimits({
        transfersAtOnce,
        requestsPerSecond: requestsPerSecond ?? this.#options.requestsPerSecond,
        longestPauseMs: patience?.longestRetryAfterMs ?? defaultPatience.longestRetryAfterMs,
      });
      this.#limits.set(host, limits);
    }
    return limits;
  }

  #credentialsAt(domain: string, repository: string): Promise<Credentials | undefined> {
    const { credentials, authFile } = this.#options;
    if (credentials !== undefined) return Promise.resolve({ kind: "password", ...credentials });
    return findCredentials(domain, repository, { authFile, env: this.#env });
  }

  /** Mirrors in order, then the registry: the failure of the last is the one that counts. */
  async #firstOf<T>(
    reference: Reference,
    capability: Capability,
    signal: AbortSignal | undefined,
    ask: (host: RegistryHost) => Promise<T>,
  ): Promise<T> {
    const hosts = this.#hostsOf(reference, capability);
    for (const [index, host] of hosts.entries()) {
      try {
        return await ask(host);
      } catch (error) {
        signal?.throwIfAborted();
        if (index === hosts.length - 1) throw error;
      }
    }
    throw new TypeError("there is at least one host");
  }

  /** Breaks off what is still on its way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hosts.clear();
    await this.#connections[Symbol.asyncDispose]();
  }
}

/** Nothing gets lost on the way to this machine itself, and one piece is faster. */
function chunksFor(host: string): ChunkOptions {
  return isLoopback(hostnameOf(host)) ? { ...defaultChunks, leastBytes: Infinity } : defaultChunks;
}

export function pullScope({ path }: Pick<Reference, "path">): string {
  return `repository:${path}:pull`;
}
