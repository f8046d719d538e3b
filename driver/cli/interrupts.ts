/** Signals: the first asks the command to stop, the second does not ask. A command may take them over for a while. */
import { constants } from "node:os";
import { InterruptedError } from "./errors.ts";

const watched = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

export class Interrupts implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener = (signal: NodeJS.Signals): void => {
    this.#received(signal);
  };
  #takeover: ((signal: NodeJS.Signals) => void) | undefined;

  constructor() {
    for (const signal of watched) process.on(signal, this.#listener);
  }

  /** Its reason is an InterruptedError. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on `handler` gets the signals, and `also` ones; undo it with the returned function. */
  handOver(handler: (signal: NodeJS.Signals) => void, also: readonly NodeJS.Signals[] = []): () => void {
    this.#takeover = handler;
    for (const signal of also) process.on(signal, this.#listener);
    return () => {
      this.#takeover = undefined;
      for (const signal of also) process.off(signal, this.#listener);
    };
  }

  [Symbol.dispose](): void {
    for (const signal of watched) process.off(signal, this.#listener);
  }

  #received(signal: NodeJS.Signals): void {
    if (this.#takeover !== undefined) {
      this.#takeover(signal);
      return;
    }
    const exitCode = 128 + constants.signals[signal];
    if (this.#controller.signal.aborted) process.exit(exitCode);
    this.#controller.abort(new InterruptedError(exitCode));
  }
}
