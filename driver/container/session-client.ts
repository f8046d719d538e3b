/** Our own streams on a container that another process attends to. */
import { closeSync, constants, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { basename, join } from "node:path";
import { fromWire, isErrno, StorageError, type WireError } from "../base/errors.ts";
import type { ProcessConfig, RunningProcess, RunResult } from "./container.ts";
import { defaultDetachKeys, parseDetachKeys } from "./detach-keys.ts";
import { exitCodes } from "./failure.ts";
import { type Exited, frame, FrameReader, type Hello } from "./frames.ts";
import { ownTerminalSize, OwnStreams } from "./own-streams.ts";
import type { StateDir } from "./state-dir.ts";

export interface SessionOptions {
  readonly process: ProcessConfig;
  /** What is typed or piped to us is the program's, if it reads any. */
  readonly input: boolean;
  readonly detachKeys: string | undefined;
  /** Leaves the program alone. */
  readonly detach: AbortSignal | undefined;
  /** Ends it. */
  readonly kill: AbortSignal | undefined;
  readonly onStart: ((program: RunningProcess) => void) | undefined;
}

/** To be said first. The size comes with it, so that the program's terminal has it from its start. */
export function greet(socket: Socket, wantsOutput: boolean, tty: boolean): void {
  const hello: Hello = { wantsOutput };
  const size = tty ? ownTerminalSize() : undefined;
  const greeting = [frame("hello", JSON.stringify(hello))];
  if (size !== undefined) greeting.push(frame("resize", JSON.stringify(size)));
  socket.write(Buffer.concat(greeting));
}

/** @throws {StorageError} ERR_FAILED_PRECONDITION when nobody attends to it. */
export async function connectTo(state: StateDir, name: string): Promise<Socket> {
  const refusal = new StorageError("ERR_FAILED_PRECONDITION", `cannot attach to container ${name}: it does not run`);
  let directory: number;
  try {
    directory = openSync(state.path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw isErrno(error, "ENOENT") ? refusal : error;
  }
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(join(`/proc/self/fd/${directory}`, basename(state.attach)));
      socket.once("connect", () => {
        resolve(socket);
      });
      socket.once("error", (error) => {
        reject(isErrno(error, "ENOENT", "ECONNREFUSED") ? refusal : error);
      });
    });
  } finally {
    closeSync(directory);
  }
}

/** Resolves once the program has been executed, or has ended. @throws what it could not be started for. */
export function startOf(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const reader = new FrameReader((kind, payload) => {
      if (kind === "failed") reject(fromWire(JSON.parse(payload.toString()) as WireError));
      else if (kind === "started" || kind === "exited") resolve();
    });
    socket.on("data", (bytes: Buffer) => {
      reader.push(bytes);
    });
    socket.on("error", () => undefined);
    socket.once("close", () => {
      reject(lost("start"));
    });
  });
}

/** To the end of the program, or until we leave it. The greeting has been said. */
export async function followSession(socket: Socket, options: SessionOptions): Promise<RunResult> {
  const { process, input, detach, kill, onStart } = options;
  const keys = parseDetachKeys(options.detachKeys ?? defaultDetachKeys);
  const end = Promise.withResolvers<RunResult>();
  function send(...[kind, payload]: Parameters<typeof frame>): boolean {
    return socket.destroyed || socket.write(frame(kind, payload));
  }
  const program: RunningProcess = {
    kill(signal) {
      send("signal", signal);
    },
  };
  const leave = (): void => {
    end.resolve({ exitCode: 0, isDetached: true });
  };
  const killIt = (): void => {
    program.kill("SIGKILL");
  };
  const streams = new OwnStreams({
    tty: process.tty,
    input: input && process.interactive,
    detachKeys: keys,
    far: {
      write: (bytes) => send("input", bytes),
      end: () => void send("inputEnd"),
      resize: (size) => void send("resize", JSON.stringify(size)),
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
    },
    onDetach: leave,
    onBroken: leave,
  });
  const reader = new FrameReader((kind, payload) => {
    if (kind === "stdout" || kind === "stderr") streams.show(kind, payload);
    else if (kind === "failed") end.reject(fromWire(JSON.parse(payload.toString()) as WireError));
    else if (kind === "exited") {
      end.resolve({ exitCode: (JSON.parse(payload.toString()) as Exited).exitCode, isDetached: false });
    }
  });
  socket.on("data", (bytes: Buffer) => {
    reader.push(bytes);
  });
  socket.on("drain", () => {
    streams.drained();
  });
  socket.on("error", () => undefined);
  socket.once("close", () => {
    end.reject(lost("follow"));
  });
  detach?.addEventListener("abort", leave, { once: true });
  kill?.addEventListener("abort", killIt, { once: true });
  try {
    if (detach?.aborted === true) leave();
    if (kill?.aborted === true) killIt();
    onStart?.(program);
    return await end.promise;
  } finally {
    detach?.removeEventListener("abort", leave);
    kill?.removeEventListener("abort", killIt);
    streams[Symbol.dispose]();
    socket.destroy();
  }
}

function lost(verb: string): StorageError {
  return new StorageError("ERR_ABORTED", `cannot ${verb} container: the process that attends to it was killed`, {
    details: { exitCode: exitCodes.failed },
  });
}
