/**
 * The one error class of laminate, its codes, and the form in which errors cross threads.
 *
 * Codes are the classes of containerd's errdefs, so that a caller of any door (library, gRPC, command line) meets the
 * same sixteen words. Catch by `code`, never by message, and across threads never by `instanceof`.
 */

export const errorCodes = [
  "ERR_INVALID_ARGUMENT",
  "ERR_NOT_FOUND",
  "ERR_ALREADY_EXISTS",
  "ERR_FAILED_PRECONDITION",
  "ERR_UNAVAILABLE",
  "ERR_RESOURCE_EXHAUSTED",
  "ERR_DATA_LOSS",
  "ERR_PERMISSION_DENIED",
  "ERR_UNAUTHENTICATED",
  "ERR_ABORTED",
  "ERR_CANCELED",
  "ERR_DEADLINE_EXCEEDED",
  "ERR_OUT_OF_RANGE",
  "ERR_UNIMPLEMENTED",
  "ERR_INTERNAL",
  "ERR_UNKNOWN",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Facts about a failure that a program may want: digests, paths, sizes. Values survive structured clone and JSON. */
export type ErrorDetails = Readonly<Record<string, string | number | null>>;

const brand = Symbol.for("laminate.StorageError");

/** `message` reads "cannot <verb> <thing>: <reason>" and names the identifying value; it never holds a secret. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }
}

export function isStorageError(value: unknown): value is StorageError {
  return typeof value === "object" && value !== null && brand in value;
}

export function hasCode(value: unknown, code: ErrorCode): value is StorageError {
  return isStorageError(value) && value.code === code;
}

/** What {@link toWire} makes of an error: plain data for postMessage, where class, code and own fields would be lost. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
  readonly stack: string | null;
}

export function toWire(error: unknown): WireError {
  const known = asStorageError(error);
  return { code: known.code, message: known.message, details: known.details, stack: known.stack ?? null };
}

export function fromWire(wire: WireError): StorageError {
  const error = new StorageError(wire.code, wire.message, { details: wire.details });
  if (wire.stack !== null) error.stack = wire.stack;
  return error;
}

const codeByErrno: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "ERR_NOT_FOUND",
  EEXIST: "ERR_ALREADY_EXISTS",
  EACCES: "ERR_PERMISSION_DENIED",
  EPERM: "ERR_PERMISSION_DENIED",
  EROFS: "ERR_PERMISSION_DENIED",
  ENOSPC: "ERR_RESOURCE_EXHAUSTED",
  EDQUOT: "ERR_RESOURCE_EXHAUSTED",
  EMFILE: "ERR_RESOURCE_EXHAUSTED",
  ENFILE: "ERR_RESOURCE_EXHAUSTED",
  ENOMEM: "ERR_RESOURCE_EXHAUSTED",
  EIO: "ERR_DATA_LOSS",
};

/**
 * Any thrown value as a StorageError: one of ours unchanged, an abort as ERR_CANCELED, a system error by its errno,
 * the rest as ERR_UNKNOWN. `context`, "cannot <verb> <thing>", is put before a foreign message.
 */
export function asStorageError(error: unknown, context?: string): StorageError {
  if (isStorageError(error)) return error;
  const prefix = context === undefined ? "" : `${context}: `;
  if (!(error instanceof Error)) return new StorageError("ERR_UNKNOWN", `${prefix}${String(error)}`);
  const errno = (error as NodeJS.ErrnoException).code;
  const code =
    error.name === "AbortError"
      ? "ERR_CANCELED"
      : ((errno === undefined ? undefined : codeByErrno[errno]) ?? "ERR_UNKNOWN");
  return new StorageError(code, `${prefix}${error.message}`, {
    details: errno === undefined ? {} : { errno },
    cause: error,
  });
}

/** True when `error` is a system error with one of these errno names, such as "ENOENT". */
export function isErrno(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes((error as NodeJS.ErrnoException).code ?? "");
}

/** The default of an exhaustive `switch`: unreachable while the types hold. */
export function assertNever(value: never): never {
  throw new TypeError(`unexpected value ${JSON.stringify(value)}`);
}
