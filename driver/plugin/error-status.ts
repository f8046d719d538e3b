/**
 * Errors on the wire: containerd's errdefs are gRPC's status codes, and our codes are containerd's, so that each has
 * exactly one partner and the message passes through as it is.
 */
import { type ErrorCode, asStorageError, StorageError } from "../base/errors.ts";

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const statusByCode: Readonly<Record<ErrorCode, number>> = {
  ERR_CANCELED: 1,
  ERR_UNKNOWN: 2,
  ERR_INVALID_ARGUMENT: 3,
  ERR_DEADLINE_EXCEEDED: 4,
  ERR_NOT_FOUND: 5,
  ERR_ALREADY_EXISTS: 6,
  ERR_PERMISSION_DENIED: 7,
  ERR_RESOURCE_EXHAUSTED: 8,
  ERR_FAILED_PRECONDITION: 9,
  ERR_ABORTED: 10,
  ERR_OUT_OF_RANGE: 11,
  ERR_UNIMPLEMENTED: 12,
  ERR_INTERNAL: 13,
  ERR_UNAVAILABLE: 14,
  ERR_DATA_LOSS: 15,
  ERR_UNAUTHENTICATED: 16,
};

const codeByStatus = new Map(
  Object.entries(statusByCode).map(([code, status]) => [status, code as ErrorCode] as const),
);

/** Messages travel in a trailer, whose size clients limit. */
const maxMessageLength = 4096;

export interface Status {
  readonly code: number;
  readonly details: string;
}

export const okStatus = 0;

export function statusOf(error: unknown): Status {
  const { code, message } = asStorageError(error);
  const details = message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)} …` : message;
  return { code: statusByCode[code], details };
}

/** The error that a status is; ERR_UNKNOWN for a code that gRPC does not have. */
export function errorOf({ code, details }: Status, cause?: unknown): StorageError {
  return new StorageError(codeByStatus.get(code) ?? "ERR_UNKNOWN", details, { cause });
}

/** "OK", "NOT_FOUND": the status of an error, or {@link okStatus}, by name. */
export function statusNameOf(ended: unknown): string {
  return ended === okStatus ? "OK" : asStorageError(ended).code.slice("ERR_".length);
}
