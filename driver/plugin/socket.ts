/**
 * The unix socket a server listens on: one that systemd has opened, or one of our own in a path.
 *
 * A path has one server. Whoever serves it holds a lock on `<path>.lock`, so that a socket found there under the lock
 * is the leftover of a server that is gone, unless something else of ours or not still answers on it. What answers,
 * and what is not a socket, is never touched.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { dirname, resolve } from "node:path";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import { type LockFile, openLocked } from "../sys/lock-file.ts";

/** sun_path of unix(7), less its terminator. */
const maxPathBytes = 107;

/** Where systemd's first socket is: sd_listen_fds(3). */
const firstPassedFd = 3;

export interface SocketOptions {
  /** Default 0600. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface ListeningSocket {
  readonly server: Server;
  /** Path, or "fd 3" for one that was passed. */
  readonly address: string;
  /** Gives up the path; to be called when the server is closed. */
  release(): void;
}

/** Whether systemd has passed a socket to this very process. */
export function hasPassedSocket(env: Readonly<Record<string, string | undefined>>): boolean {
  return env["LISTEN_PID"] === String(process.pid) && Number(env["LISTEN_FDS"]) >= 1;
}

/** Listens on the first socket that systemd has passed. Its mode and owner are systemd's, and so is its removal. */
export async function listenOnPassedSocket(): Promise<ListeningSocket> {
  const server = createServer();
  await listening(server, () => server.listen({ fd: firstPassedFd }), "the socket of systemd");
  return { server, address: `fd ${firstPassedFd}`, release: () => undefined };
}

/**
 * Listens on `address`, a path or "unix://" and a path; its directory is made, 0711, if missing.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for a path that no socket can have; ERR_ALREADY_EXISTS when something
 * that is not a socket is there; ERR_UNAVAILABLE when somebody serves there.
 */
export async function listenOnPath(
  address: string,
  { mode = 0o600, uid, gid }: SocketOptions = {},
): Promise<ListeningSocket> {
  const path = socketPath(address);
  const context = `cannot listen on ${path}`;
  let lock: LockFile | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
    lock = openLocked(`${path}.lock`, { nonBlocking: true });
    if (lock === undefined) throw new StorageError("ERR_UNAVAILABLE", `${context}: another process serves there`);
    await removeLeftover(path, context);
    const server = createServer();
    await listening(
      server,
      () => {
        listenPrivately(server, path);
      },
      path,
    );
    if (uid !== undefined || gid !== undefined) chownSync(path, uid ?? -1, gid ?? -1);
    chmodSync(path, mode);
    const held = lock;
    return {
      server,
      address: path,
      release: () => {
        held[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock?.[Symbol.dispose]();
    throw asStorageError(error, context);
  }
}

/** @throws {StorageError} ERR_INVALID_ARGUMENT. */
export function socketPath(address: string): string {
  const path = resolve(address.replace(/^unix:(?:\/\/)?/, ""));
  const length = Buffer.byteLength(path);
  if (length <= maxPathBytes && !path.includes("\0")) return path;
  throw new StorageError(
    "ERR_INVALID_ARGUMENT",
    `cannot use ${JSON.stringify(path)} as a socket: its path has ${length} bytes, and ${maxPathBytes} is the most`,
  );
}

async function removeLeftover(path: string, context: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new StorageError("ERR_ALREADY_EXISTS", `${context}: something else than a socket is there`);
  }
  if (await answers(path)) throw new StorageError("ERR_UNAVAILABLE", `${context}: another process serves there`);
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error) => {
      if (isErrno(error, "ECONNREFUSED", "ENOENT")) resolve(false);
      else reject(error);
    });
  });
}

/** Nobody else may connect before the socket has its mode: Node binds within the call. */
function listenPrivately(server: Server, path: string): void {
  const umask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
}

function listening(server: Server, listen: () => void, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(asStorageError(error, `cannot listen on ${what}`));
    });
    server.once("listening", resolve);
    listen();
  });
}
