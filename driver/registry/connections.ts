/** Sockets: one pool for each way of connecting, made when first used. */
import type { Dispatcher } from "undici";
import { secureContextOf, type TlsFiles } from "./certificates.ts";
import { http } from "./http.ts";
import { proxyFor } from "./proxy.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface ConnectionOptions {
  /** Sockets to one host, at most. */
  readonly perHost: number;
  readonly connectTimeoutMs: number;
  /** Of $SSL_CERT_FILE, $HTTPS_PROXY and their like. */
  readonly env: Environment;
}

/** How certificates are treated. */
export interface TlsTrust {
  readonly files: TlsFiles;
  readonly isVerified: boolean;
}

export class Connections implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #dispatchers = new Map<string, Dispatcher>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** @throws {StorageError} for certificates or a proxy that cannot be used. */
  for(url: URL, trust: TlsTrust): Dispatcher {
    const isTls = url.protocol === "https:";
    const proxy = proxyFor(url, this.#options.env);
    const key = JSON.stringify([isTls ? [trust.files, trust.isVerified] : "plain", proxy?.href]);
    let dispatcher = this.#dispatchers.get(key);
    if (dispatcher === undefined) {
      dispatcher = this.#open(isTls ? trust : undefined, proxy);
      this.#dispatchers.set(key, dispatcher);
    }
    return dispatcher;
  }

  #open(trust: TlsTrust | undefined, proxy: URL | undefined): Dispatcher {
    const { perHost, connectTimeoutMs, env } = this.#options;
    const tls = trust && {
      secureContext: secureContextOf(trust.files, env),
      rejectUnauthorized: trust.isVerified,
    };
    const common = { connections: perHost, pipelining: 1, keepAliveTimeout: 5000, keepAliveMaxTimeout: 60_000 };
    if (proxy === undefined) {
      return new (http().Agent)({ ...common, allowH2: false, connect: { timeout: connectTimeoutMs, ...tls } });
    }
    const user = decodeURIComponent(proxy.username);
    const token = `Basic ${Buffer.from(`${user}:${decodeURIComponent(proxy.password)}`).toString("base64")}`;
    return new (http().ProxyAgent)({
      ...common,
      uri: proxy.origin,
      ...(user !== "" && { token }),
      ...(tls && { requestTls: tls }),
    });
  }

  /** Breaks what is still going on. */
  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#dispatchers.values()];
    this.#dispatchers.clear();
    await Promise.all(open.map((dispatcher) => dispatcher.destroy()));
  }
}
