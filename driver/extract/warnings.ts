/** What could not be laid as the tar has it, each said once. */
const maxWarnings = 100;

export class Warnings {
  readonly #texts = new Set<string>();
  #dropped = 0;

  add(text: string): void {
    if (this.#texts.has(text)) return;
    if (this.#texts.size < maxWarnings) {
      this.#texts.add(text);
    } else {
      this.#dropped++;
    }
  }

  list(): readonly string[] {
    return this.#dropped === 0 ? [...this.#texts] : [...this.#texts, `and ${this.#dropped} more warnings`];
  }
}
