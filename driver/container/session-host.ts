/**
 * The streams of one container in the process that attends to it: what its program writes goes into the log and to all
 * clients, what clients send goes to the program. A client that does not read holds the program up, as a stopped
 * terminal does, until the program has ended.
 */
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { basename, join } from "node:path";
import type { TerminalSize } from "../sys/terminal.ts";
import type { LogLine, ProcessConfig, RunningProcess } from "./container.ts";
import { frame, type FrameKind, FrameReader, type Hello } from "./frames.ts";
import type { Streams } from "./launch.ts";
import type { LogWriter } from "./log-writer.ts";
import { openPlumbing, type Plumbing } from "./plumbing.ts";
import type { StateDir } from "./state-dir.ts";

interface Client {
  readonly socket: Socket;
  wantsOutput: boolean;
  /** Has sent input. */
  hasTyped: boolean;
  /** Has not taken all that was sent. */
  isBehind: boolean;
}

export interface SessionHostOptions {
  readonly process: ProcessConfig;
  readonly log: LogWriter;
  /** Somebody wants its end before there is a program. */
  readonly onEarlyKill: () => void;
}

export class SessionHost {
  readonly #options: SessionHostOptions;
  readonly #clients = new Set<Client>();
  /** Came before there was a program. */
  readonly #earlySignals: NodeJS.Signals[] = [];
  readonly #earlyInput: Buffer[] = [];
  #server: Server | undefined;
  #directory: number | undefined;
  #plumbing: Plumbing | undefined;
  #program: RunningProcess | undefined;
  #size: TerminalSize | undefined;
  #hasEarlyEnd = false;
  #hasEnded = false;

  constructor(options: SessionHostOptions) {
    this.#options = options;
  }

  /** Lets others in, until {@link close}. */
  async listen(state: StateDir): Promise<void> {
    rmSync(state.attach, { force: true });
    // The address of a socket is short, and ours may not be.
    const directory = openSync(state.path, constants.O_RDONLY | constants.O_DIRECTORY);
    this.#directory = directory;
    const server = createServer((socket) => void this.admit(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(join(`/proc/self/fd/${directory}`, basename(state.attach)), resolve);
    });
  }

  /** Resolves with true once the client has said what it wants, with false when it went without a word. */
  admit(socket: Socket): Promise<boolean> {
    const client: Client = { socket, wantsOutput: false, hasTyped: false, isBehind: false };
    return new Promise((resolve) => {
      const reader = new FrameReader((kind, payload) => {
        if (kind !== "hello") {
          this.#obey(client, kind, payload);
          return;
        }
        client.wantsOutput = (JSON.parse(payload.toString()) as Hello).wantsOutput;
        this.#clients.add(client);
        // What came along with it, such as the terminal's size, comes first.
        setImmediate(resolve, true);
      });
      socket.on("data", (bytes: Buffer) => {
        try {
          reader.push(bytes);
        } catch {
          socket.destroy();
        }
      });
      socket.on("drain", () => {
        client.isBehind = false;
        this.#flow();
      });
      socket.on("error", () => undefined);
      socket.once("end", () => {
        this.#leave(client);
      });
      socket.once("close", () => {
        this.#leave(client);
        resolve(false);
      });
    });
  }

  /** For a run that begins. */
  streams(): Streams {
    const plumbing = openPlumbing(this.#options.process, this.#size);
    this.#plumbing = plumbing;
    this.#hasEnded = false;
    for (const bytes of this.#earlyInput.splice(0)) plumbing.stdin?.write(bytes);
    if (this.#hasEarlyEnd) plumbing.stdin?.end();
    this.#hasEarlyEnd = false;
    for (const { socket } of this.#clients) socket.resume();
    plumbing.stdin?.on("drain", () => {
      for (const { socket } of this.#clients) socket.resume();
    });
    return plumbing.streams;
  }

  begin(program: RunningProcess): void {
    this.#program = program;
    this.#plumbing?.handedOver();
    for (const signal of this.#earlySignals.splice(0)) program.kill(signal);
  }

  /** What has come before was the program's too; without this call it is the runtime's, and nobody's. */
  executed(): void {
    for (const { stream, readable } of this.#plumbing?.outputs ?? []) {
      readable.on("data", (bytes: Buffer) => {
        this.#options.log.write(stream, bytes);
        this.#tell(stream, bytes);
      });
      readable.once("close", () => {
        this.#options.log.end(stream);
      });
    }
    this.tell("started");
  }

  /** All of the program's output is with the clients and in the log. */
  async finish(): Promise<void> {
    this.#program = undefined;
    this.#hasEnded = true;
    this.#plumbing?.handedOver();
    // Not held up any more, and read to the end whoever wants it.
    for (const { readable } of this.#plumbing?.outputs ?? []) readable.resume();
    await this.#plumbing?.drained;
    this.#plumbing = undefined;
  }

  tell(kind: FrameKind, payload: unknown = null): void {
    for (const { socket } of this.#clients) socket.write(frame(kind, JSON.stringify(payload)));
  }

  close(): void {
    // It removes the socket, by the address that it was given.
    this.#server?.close();
    if (this.#directory !== undefined) closeSync(this.#directory);
    for (const { socket } of this.#clients) socket.end();
  }

  #tell(stream: LogLine["stream"], bytes: Buffer): void {
    const sent = frame(stream, bytes);
    for (const client of this.#clients) {
      if (client.wantsOutput && !client.socket.write(sent)) client.isBehind = true;
    }
    this.#flow();
  }

  #flow(): void {
    const isHeldUp = !this.#hasEnded && [...this.#clients].some(({ isBehind }) => isBehind);
    for (const { readable } of this.#plumbing?.outputs ?? []) {
      if (isHeldUp) readable.pause();
      else readable.resume();
    }
  }

  #obey(client: Client, kind: FrameKind, payload: Buffer): void {
    switch (kind) {
      case "input":
        client.hasTyped = true;
        if (this.#plumbing === undefined) this.#earlyInput.push(Buffer.from(payload));
        if (this.#plumbing === undefined || this.#plumbing.stdin?.write(payload) === false) client.socket.pause();
        return;
      case "inputEnd":
        client.hasTyped = true;
        this.#endInput(client);
        return;
      case "resize":
        this.#size = JSON.parse(payload.toString()) as TerminalSize;
        if (this.#plumbing?.resize(this.#size) === true) this.#program?.kill("SIGWINCH");
        return;
      case "signal":
        this.#signal(payload.toString() as NodeJS.Signals);
        return;
      default:
        client.socket.destroy();
    }
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#program !== undefined) this.#program.kill(signal);
    else if (signal === "SIGKILL") this.#options.onEarlyKill();
    else this.#earlySignals.push(signal);
  }

  #leave(client: Client): void {
    if (!this.#clients.delete(client)) return;
    if (client.hasTyped) this.#endInput(client);
    this.#flow();
  }

  /** A terminal has no end, and what was started to be talked to now and then is kept open. */
  #endInput(client: Client): void {
    const { tty, keepsInput } = this.#options.process;
    client.hasTyped = false;
    if (tty || keepsInput) return;
    if (this.#plumbing === undefined) this.#hasEarlyEnd = true;
    else this.#plumbing.stdin?.end();
  }
}
