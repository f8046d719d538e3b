/** Reading a named pipe without a thread that waits in open(2) for a writer, which nothing could call back. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isErrno } from "../../base/errors.ts";

const pollMs = 20;

/**
 * The bytes of the pipe at `path`, from its first writer's first one on, to its last writer's end.
 * @throws {Error} the signal's reason once it aborts.
 */
export async function* readFifo(path: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const first = await waitForWriter(fd, signal).catch((error: unknown) => {
    closeSync(fd);
    throw error;
  });
  const socket = new Socket({ fd, readable: true, writable: false });
  const stop = (): void => {
    socket.destroy();
  };
  signal?.addEventListener("abort", stop);
  try {
    yield first;
    for await (const chunk of socket) yield chunk as Uint8Array;
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener("abort", stop);
    socket.destroy();
  }
}

/** Without a writer a read finds the end, with one that has written nothing yet it would have to wait. */
async function waitForWriter(fd: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const bytes = Buffer.alloc(64 * 1024);
  for (;;) {
    signal?.throwIfAborted();
    try {
      const got = readSync(fd, bytes);
      if (got > 0) return bytes.subarray(0, got);
    } catch (error) {
      if (!isErrno(error, "EAGAIN")) throw error;
    }
    await sleep(pollMs);
  }
}
