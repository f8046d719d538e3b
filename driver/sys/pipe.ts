import { addon } from "./addon.ts";
import { O_CLOEXEC } from "./constants.ts";
import { check } from "./errno.ts";

export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/** A pipe as shells make them, which /dev/stdout can be opened through: what Node calls a pipe is a socket. */
export function openPipe(): Pipe {
  const fds = new Float64Array(2);
  check(addon.pipe2(O_CLOEXEC, fds), "pipe2");
  return { readFd: fds[0] ?? -1, writeFd: fds[1] ?? -1 };
}
