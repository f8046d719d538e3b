/** A failed system call as an Error of the shape node:fs throws. */
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import type { PathLike } from "./path-like.ts";

/** `.code` "ENOENT", `.errno` negative, `.syscall`, `.path` when there is one. */
export interface SystemCallError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path?: string;
}

export const ENOENT: number = constants.errno.ENOENT;
export const EACCES: number = constants.errno.EACCES;
export const EAGAIN: number = constants.errno.EAGAIN;
export const EEXIST: number = constants.errno.EEXIST;
export const ENOTDIR: number = constants.errno.ENOTDIR;
export const EINVAL: number = constants.errno.EINVAL;
export const ENOTTY: number = constants.errno.ENOTTY;
export const EPERM: number = constants.errno.EPERM;
export const ENXIO: number = constants.errno.ENXIO;
export const EXDEV: number = constants.errno.EXDEV;
export const ENOSYS: number = constants.errno.ENOSYS;
export const ENODATA: number = constants.errno.ENODATA;
export const EOPNOTSUPP: number = constants.errno.EOPNOTSUPP;

/** What libuv has no word for, or one meant for sockets. */
const ownWords: Readonly<Record<string, string>> = {
  ENOTSUP: "operation not supported",
  EDQUOT: "disk quota exceeded",
  ESTALE: "stale file handle",
  ENODEV: "no such device",
  ENODATA: "no data available",
};

const namesByErrno = new Map<number, string>(
  Object.entries({ ...constants.errno, EUCLEAN: 117 }).map(([name, errno]) => [errno, name]),
);
// Both spellings are 95; node says ENOTSUP.
namesByErrno.set(EOPNOTSUPP, "ENOTSUP");
namesByErrno.set(EAGAIN, "EAGAIN");

/** The error for a result of an addon call, a negative errno. `detail` goes behind the usual words. */
export function systemCallError(result: number, syscall: string, path?: PathLike | null, detail?: string): Error {
  const code = namesByErrno.get(-result) ?? `errno ${-result}`;
  const words = ownWords[code] ?? getSystemErrorMap().get(result)?.[1] ?? "unknown error";
  const shown = path === undefined || path === null ? undefined : shownPath(path);
  const where = shown === undefined ? "" : ` '${shown}'`;
  const error = new Error(`${code}: ${words}, ${syscall}${where}${detail === undefined ? "" : `: ${detail}`}`);
  return Object.assign(error, { code, errno: result, syscall }, shown === undefined ? {} : { path: shown });
}

/** `result`, unless it is a negative errno. */
export function check(result: number, syscall: string, path?: PathLike | null): number {
  if (result < 0) throw systemCallError(result, syscall, path);
  return result;
}

function shownPath(path: PathLike): string {
  return typeof path === "string" ? path : Buffer.from(path).toString("utf8");
}
