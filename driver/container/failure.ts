import { type ErrorCode, StorageError } from "../base/errors.ts";

/** What a caller in a shell should exit with, as Docker's users know it; kept in an error's `details.exitCode`. */
export const exitCodes = {
  /** Ours: the container could not be set up. */
  failed: 125,
  /** The program is there but cannot be executed. */
  notExecutable: 126,
  notFound: 127,
} as const;

export function startFailure(message: string, exitCode: number = exitCodes.failed, code?: ErrorCode): StorageError {
  const fallback = exitCode === exitCodes.notFound ? "ERR_NOT_FOUND" : "ERR_FAILED_PRECONDITION";
  return new StorageError(code ?? fallback, `cannot start container: ${message}`, { details: { exitCode } });
}
