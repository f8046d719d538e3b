/**
 * Our own standard streams as those of a program elsewhere. With a terminal on both sides ours is raw in between: each
 * key goes to the program's terminal, which makes of it what the program asked for.
 */
import process from "node:process";
import { makeRaw, terminalSize, type TerminalSize } from "../sys/terminal.ts";
import type { LogLine } from "./container.ts";
import { DetachKeys } from "./detach-keys.ts";

/** The program's side. */
export interface FarSide {
  /** False asks to wait for {@link OwnStreams.drained}. */
  write(bytes: Uint8Array): boolean;
  end(): void;
  resize(size: TerminalSize): void;
  /** Our output cannot take more: nothing is to be shown until `resume`. */
  pause(): void;
  resume(): void;
}

export interface OwnStreamsOptions {
  readonly tty: boolean;
  /** What is typed or piped to us is the program's. */
  readonly input: boolean;
  readonly detachKeys: Uint8Array;
  readonly far: FarSide;
  readonly onDetach: () => void;
  /** Nobody reads our output any more. */
  readonly onBroken: () => void;
}

export class OwnStreams implements Disposable {
  readonly #options: OwnStreamsOptions;
  readonly #keys: DetachKeys;
  readonly #undo: (() => void)[] = [];

  constructor(options: OwnStreamsOptions) {
    this.#options = options;
    this.#keys = new DetachKeys(options.tty && options.input ? options.detachKeys : new Uint8Array());
    if (options.input) this.#readInput();
    if (options.tty) this.#watchSize();
    for (const stream of [process.stdout, process.stderr]) {
      this.#on(stream, "drain", () => {
        options.far.resume();
      });
      // Before whoever ends the process for it.
      stream.prependListener("error", options.onBroken);
      this.#undo.push(() => stream.off("error", options.onBroken));
    }
  }

  show(stream: LogLine["stream"], bytes: Uint8Array): void {
    if (!process[stream].write(bytes)) this.#options.far.pause();
  }

  /** The far side takes input again. */
  drained(): void {
    if (this.#options.input) process.stdin.resume();
  }

  /** Puts the terminal back as it was. */
  [Symbol.dispose](): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  #readInput(): void {
    const { tty, far, onDetach } = this.#options;
    const { stdin } = process;
    const restore = tty ? makeRaw(stdin.fd) : undefined;
    if (restore !== undefined) {
      process.on("exit", restore);
      this.#undo.push(() => {
        process.off("exit", restore);
        restore();
      });
    }
    this.#on(stdin, "data", (typed: Buffer) => {
      const { bytes, isDetach } = this.#keys.read(typed);
      if (bytes.length > 0 && !far.write(bytes)) stdin.pause();
      if (isDetach) onDetach();
    });
    this.#on(stdin, "end", () => {
      far.end();
    });
    // As after a terminal that was hung up.
    this.#on(stdin, "error", () => {
      far.end();
    });
    this.#undo.push(() => {
      stdin.pause();
      // A file has no such thing.
      (stdin as Partial<typeof stdin>).unref?.();
    });
    (stdin as Partial<typeof stdin>).ref?.();
    stdin.resume();
  }

  #watchSize(): void {
    const tell = (): void => {
      const size = ownTerminalSize();
      if (size !== undefined) this.#options.far.resize(size);
    };
    process.on("SIGWINCH", tell);
    this.#undo.push(() => process.off("SIGWINCH", tell));
  }

  #on(emitter: NodeJS.EventEmitter, event: string, listener: (bytes: Buffer) => void): void {
    emitter.on(event, listener);
    this.#undo.push(() => emitter.off(event, listener));
  }
}

export function ownTerminalSize(): TerminalSize | undefined {
  return terminalSize(1) ?? terminalSize(0);
}
