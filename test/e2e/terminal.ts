/** A command on a terminal of its own, by on-terminal.py. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(size: readonly [rows: number, columns: number], words: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn("python3", [join(import.meta.dirname, "on-terminal.py"), JSON.stringify(size), ...words], {
      env,
    });
    this.#child.stderr.pipe(process.stderr);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async type(text: string): Promise<void> {
    await this.#ask({ send: text });
  }

  /** What a pattern of Python matched in what came since the last one. */
  async expect(pattern: string): Promise<readonly string[]> {
    const answer = await this.#ask({ expect: pattern });
    if (Array.isArray(answer)) return answer.map(String);
    throw new Error(`no ${pattern} in ${JSON.stringify(answer)}`);
  }

  async resize(rows: number, columns: number): Promise<void> {
    await this.#ask({ size: [rows, columns] });
  }

  /** To the command. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    await this.#ask({ signal: constants.signals[signal] });
  }

  async isRaw(): Promise<boolean> {
    return !(await this.#isAsBefore());
  }

  /** Of the command: its exit code, and whether it left the terminal as it had found it. */
  async end(): Promise<{ readonly exitCode: unknown; readonly isRestored: boolean }> {
    const exitCode = await this.#ask({ end: null });
    const isRestored = await this.#isAsBefore();
    const gone = once(this.#child, "exit");
    this.#child.stdin.end();
    await gone;
    return { exitCode, isRestored };
  }

  async #isAsBefore(): Promise<boolean> {
    return (await this.#ask({ isAsBefore: null })) === true;
  }

  async #ask(order: Readonly<Record<string, unknown>>): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error("the terminal is gone");
    return JSON.parse(answer.value) as unknown;
  }
}
