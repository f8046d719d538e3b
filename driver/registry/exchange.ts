/**
 * One HTTP exchange with its redirects. What is secret stays at the origin it was meant for: another scheme, host or port
 * gets neither Authorization nor the headers configured for the registry, and no redirect leads out of TLS.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { StorageError } from "../base/errors.ts";
import type { Connections, TlsTrust } from "./connections.ts";
import { noTlsFiles } from "./certificates.ts";
import { isLinkLocal, isLoopback } from "./hosts.ts";
import { http } from "./http.ts";

const maxRedirects = 10;

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Outgoing {
  readonly url: URL;
  readonly method: Method;
  /** Go with redirects wherever they lead. */
  readonly headers: Readonly<Record<string, string>>;
  /** Go nowhere but to the origin of `url`. */
  readonly secretHeaders: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: (() => Uint8Array | Readable) | undefined;
  readonly trust: TlsTrust;
  readonly signal?: AbortSignal | undefined;
  /** Longest silence before the answer and within it. */
  readonly stallTimeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** To be read to its end or dropped. */
  readonly body: Readable & { dump(options: { limit: number }): Promise<void> };
  /** Where it came from in the end. */
  readonly url: URL;
  /** It is the answer of the origin that was asked. */
  readonly isFromOrigin: boolean;
}

/** Breaks an answer off that nobody reads on. */
export function dropBody({ body }: Answer): void {
  body.once("error", () => undefined);
  body.destroy();
}

/** @throws what undici throws; {@link StorageError} ERR_PERMISSION_DENIED for a redirect that is not followed. */
export async function exchange(connections: Connections, outgoing: Outgoing): Promise<Answer> {
  const { method, signal, stallTimeoutMs } = outgoing;
  let { url } = outgoing;
  let isFromOrigin = true;
  for (let hop = 0; ; hop++) {
    const answer = await http().request(url, {
      dispatcher: connections.for(url, trustAt(url, outgoing)),
      method,
      headers: { ...outgoing.headers, ...(isFromOrigin && outgoing.secretHeaders) },
      body: outgoing.body?.() ?? null,
      headersTimeout: stallTimeoutMs,
      bodyTimeout: stallTimeoutMs,
      ...(signal && { signal }),
    });
    const location = answer.headers["location"];
    const isRedirect = [301, 302, 303, 307, 308].includes(answer.statusCode) && (method === "GET" || method === "HEAD");
    if (!isRedirect || typeof location !== "string") {
      return { status: answer.statusCode, headers: answer.headers, body: answer.body, url, isFromOrigin };
    }
    await answer.body.dump({ limit: 64 * 1024 });
    const next = redirectTarget(url, location);
    if (hop >= maxRedirects) throw refused(url, "it redirects without end");
    isFromOrigin = isFromOrigin && next.origin === outgoing.url.origin;
    url = next;
  }
}

/** Authorities and client certificates of a registry are for its host alone. */
function trustAt(url: URL, { url: first, trust }: Outgoing): TlsTrust {
  return url.host === first.host ? trust : { files: noTlsFiles, isVerified: true };
}

/** @throws {StorageError} ERR_PERMISSION_DENIED */
export function redirectTarget(from: URL, location: string): URL {
  const next = URL.parse(location, from.href);
  if (next === null) throw refused(from, "it redirects to what is no URL");
  if (next.protocol !== "https:" && next.protocol !== "http:") throw refused(from, `it redirects to ${next.protocol}`);
  if (from.protocol === "https:" && next.protocol === "http:") {
    throw refused(from, `it redirects from https to http at ${next.host}`);
  }
  if (next.username !== "" || next.password !== "") throw refused(from, "it redirects to a URL with a password");
  const leadsInside = isLinkLocal(next.hostname) || (isLoopback(next.hostname) && !isLoopback(from.hostname));
  if (leadsInside && next.host !== from.host) {
    throw refused(from, `it redirects to ${next.host}, which is an address of this machine or link`);
  }
  return next;
}

function refused(from: URL, reason: string): StorageError {
  return new StorageError("ERR_PERMISSION_DENIED", `cannot follow ${from.host}: ${reason}`);
}
