/** The streams between a program and whoever attends to it: a terminal, or pipes. */
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { ReadStream } from "node:tty";
import { closeFd } from "../sys/linux.ts";
import { openPipe } from "../sys/pipe.ts";
import { openPseudoTerminal, setTerminalSize, type TerminalSize } from "../sys/terminal.ts";
import type { LogLine } from "./container.ts";
import type { Streams } from "./launch.ts";

/** Of a terminal that nobody looks at. */
const defaultSize: TerminalSize = { rows: 24, columns: 80 };

export interface Plumbing {
  /** For the program. */
  readonly streams: Streams;
  /** Null: the program's input is empty, or a terminal that nobody types on. */
  readonly stdin: Writable | null;
  readonly outputs: readonly { readonly stream: LogLine["stream"]; readonly readable: Readable }[];
  /** Closes our copies of the program's ends: to be called once the program has its own, or never will. */
  handedOver(): void;
  /** False for pipes. */
  resize(size: TerminalSize): boolean;
  /** Resolves once all of its output has been read. */
  readonly drained: Promise<void>;
}

export function openPlumbing(
  { tty, interactive }: { readonly tty: boolean; readonly interactive: boolean },
  size: TerminalSize = defaultSize,
): Plumbing {
  return tty ? terminalPlumbing(interactive, size) : pipePlumbing(interactive);
}

function terminalPlumbing(interactive: boolean, size: TerminalSize): Plumbing {
  const { masterFd, slaveFd } = openPseudoTerminal(size);
  const master = new ReadStream(masterFd);
  const drained = closed(master);
  return {
    streams: { stdin: slaveFd, stdout: slaveFd, stderr: slaveFd },
    stdin: interactive ? master : null,
    outputs: [{ stream: "stdout", readable: master }],
    handedOver: closing([slaveFd]),
    resize(wanted) {
      if (!master.destroyed) setTerminalSize(masterFd, wanted);
      return true;
    },
    drained,
  };
}

function pipePlumbing(interactive: boolean): Plumbing {
  const input = interactive ? openPipe() : undefined;
  const [out, err] = [openPipe(), openPipe()];
  const stdout = new Socket({ fd: out.readFd, readable: true, writable: false });
  const stderr = new Socket({ fd: err.readFd, readable: true, writable: false });
  const stdin = input === undefined ? null : new Socket({ fd: input.writeFd, readable: false, writable: true });
  // Programs end without having read all.
  stdin?.on("error", () => undefined);
  return {
    streams: { stdin: input?.readFd ?? "ignore", stdout: out.writeFd, stderr: err.writeFd },
    stdin,
    outputs: [
      { stream: "stdout", readable: stdout },
      { stream: "stderr", readable: stderr },
    ],
    handedOver: closing([out.writeFd, err.writeFd, ...(input === undefined ? [] : [input.readFd])]),
    resize: () => false,
    drained: Promise.all([closed(stdout), closed(stderr)]).then(() => {
      stdin?.destroy();
    }),
  };
}

function closing(fds: readonly number[]): () => void {
  let isDone = false;
  return () => {
    if (!isDone) fds.forEach(closeFd);
    isDone = true;
  };
}

/** A terminal ends with EIO when its last program has gone. */
function closed(readable: Readable): Promise<void> {
  return new Promise((resolve) => {
    readable.on("error", () => undefined);
    readable.once("close", resolve);
  });
}
