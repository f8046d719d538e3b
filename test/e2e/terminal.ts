/** A command on a terminal of its own, by on-terminal.py. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
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

  /** The terminal's modes, to be compared. */
  async settings(): Promise<unknown> {
    return await this.#ask({ settings: null });
  }

  /** Exit code of the command. */
  async end(): Promise<unknown> {
    const code = await this.#ask({ end: null });
    this.#child.stdin.end();
    return code;
  }

  async #ask(order: Readonly<Record<string, unknown>>): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error("the terminal is gone");
    return JSON.parse(answer.value) as unknown;
  }
}
