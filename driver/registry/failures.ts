/** What a registry's refusals mean (distribution-spec, Error Codes), and which failures may pass by themselves. */
import { asStorageError, type ErrorCode, isStorageError, StorageError } from "../base/errors.ts";
import type { Answer } from "./exchange.ts";

const maxErrorBytes = 64 * 1024;

const codes: Readonly<Record<number, ErrorCode>> = {
  400: "ERR_INVALID_ARGUMENT",
  401: "ERR_UNAUTHENTICATED",
  403: "ERR_PERMISSION_DENIED",
  404: "ERR_NOT_FOUND",
  405: "ERR_UNIMPLEMENTED",
  413: "ERR_RESOURCE_EXHAUSTED",
  429: "ERR_UNAVAILABLE",
};

/** The answer, read and dropped, as an error: "cannot pull …: manifest unknown (404)". */
export async function failureOf(context: string, answer: Answer): Promise<StorageError> {
  const { status } = answer;
  const said = saidIn(await readAtMost(answer, maxErrorBytes).catch(() => new Uint8Array()));
  const reason = said ?? { 401: "unauthorized: authentication required", 404: "not found" }[status] ?? "it was refused";
  const code = codes[status] ?? (status >= 500 ? "ERR_UNAVAILABLE" : "ERR_UNKNOWN");
  return new StorageError(code, `${context}: ${reason} (HTTP ${status} from ${answer.url.host})`, {
    details: { status, host: answer.url.host },
  });
}

/** `code: message` of the first error in the document, if it is one. */
function saidIn(bytes: Uint8Array): string | undefined {
  try {
    const document = JSON.parse(Buffer.from(bytes).toString()) as {
      errors?: readonly { code?: unknown; message?: unknown }[];
      details?: unknown;
    };
    const [first] = document.errors ?? [];
    const words = [first?.code, first?.message].filter((word) => typeof word === "string" && word !== "");
    if (words.length > 0) return words.map((word) => String(word).slice(0, 300)).join(": ");
    return typeof document.details === "string" ? document.details.slice(0, 300) : undefined;
  } catch {
    return undefined;
  }
}

/** @throws {StorageError} ERR_RESOURCE_EXHAUSTED when there are more, the rest being dropped. */
export async function readAtMost(answer: Answer, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const part of answer.body as AsyncIterable<Uint8Array>) {
    total += part.length;
    if (total > maxBytes) {
      answer.body.destroy();
      throw new StorageError(
        "ERR_RESOURCE_EXHAUSTED",
        `cannot read the answer of ${answer.url.host}: it has more than ${maxBytes} bytes`,
      );
    }
    parts.push(part);
  }
  return Buffer.concat(parts, total);
}

/** Seconds or a date (RFC 9110 10.2.3) as milliseconds from now; undefined if there is neither. */
export function retryAfterMs(headers: Answer["headers"], now: number = Date.now()): number | undefined {
  const value = headers["retry-after"];
  if (typeof value !== "string") return undefined;
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

const tlsReasons: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an authority that is not trusted here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by an authority that is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by an authority that is not trusted here",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
};

const passingReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EPIPE: "connection reset",
  ETIMEDOUT: "connection timed out",
  EHOSTUNREACH: "no route to it",
  ENETUNREACH: "no route to it",
  EAI_AGAIN: "its name cannot be resolved now",
  UND_ERR_CONNECT_TIMEOUT: "connection timed out",
  UND_ERR_HEADERS_TIMEOUT: "it does not answer",
  UND_ERR_BODY_TIMEOUT: "it stopped sending",
  UND_ERR_SOCKET: "connection closed",
  HPE_INVALID_EOF_STATE: "connection closed",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "it sent another number of bytes than it said",
};

function codeIn(error: unknown): string {
  let at: unknown = error;
  for (let depth = 0; depth < 4 && at instanceof Error; depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (code !== undefined) return code;
    at = at instanceof AggregateError ? at.errors[0] : at.cause;
  }
  return "";
}

/** True for what the next try may not meet: a broken or silent connection. */
export function isPassingError(error: unknown): boolean {
  if (isStorageError(error)) return error.code === "ERR_UNAVAILABLE" && isPassingError(error.cause);
  return Object.hasOwn(passingReasons, codeIn(error));
}

/** Nobody is there, or no way to get there: asked again once only, unless something was on its way already. */
export function isUnreachable(error: unknown): boolean {
  return ["ECONNREFUSED", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"].includes(codeIn(error));
}

/** The other side does not speak TLS at all; a certificate that is not trusted is something else. */
export function isNotTls(error: unknown): boolean {
  const code = codeIn(error);
  // Some servers hang up on what they do not understand.
  if (error instanceof Error && /before secure TLS connection was established/.test(error.message)) return true;
  return code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" || code === "EPROTO";
}

/** A failed exchange as people read it. An abort stays what it is. */
export function networkFailure(context: string, host: string, error: unknown): StorageError | Error {
  if (isStorageError(error)) {
    return error.message.startsWith(context)
      ? error
      : new StorageError(error.code, `${context}: ${error.message}`, { details: error.details, cause: error });
  }
  if (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError")) return error;
  const code = codeIn(error);
  const tls = tlsReasons[code];
  if (tls !== undefined) {
    const help = "put the authority's certificate into certs.d, or switch the check off with --tls-verify=false";
    return new StorageError("ERR_PERMISSION_DENIED", `${context}: cannot trust ${host}: ${tls}; ${help}`, {
      cause: error,
      details: { host },
    });
  }
  if (code === "ENOTFOUND") {
    return new StorageError("ERR_UNAVAILABLE", `${context}: there is no host ${host}`, {
      cause: error,
      details: { host },
    });
  }
  if (isNotTls(error)) {
    const reason = `${host} does not speak TLS, and plain HTTP is not used unless asked for (--tls-verify=false)`;
    return new StorageError("ERR_UNAVAILABLE", `${context}: ${reason}`, { cause: error, details: { host } });
  }
  const reason = passingReasons[code];
  if (reason !== undefined) {
    return new StorageError("ERR_UNAVAILABLE", `${context}: ${host}: ${reason}`, { cause: error, details: { host } });
  }
  return asStorageError(error, `${context}: ${host}`);
}
