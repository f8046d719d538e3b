/** The records of a PAX extended header through the core. */
import type { Core } from "./core.ts";
import { TarFields, marks, numbers } from "./tar-fields.ts";

/** What a record says, in the order of the core's numbers for it (core-wasm/tar/pax.ts). */
const kinds = [
  "end",
  "path",
  "linkpath",
  "size",
  "uid",
  "gid",
  "mtime",
  "xattr",
  "encoded-xattr",
  "sparse-major",
  "sparse-minor",
  "sparse-name",
  "sparse-realsize",
  "sparse-size",
  "sparse-count",
  "sparse-map",
  "sparse-offset",
  "sparse-numbytes",
] as const;

/** "malformed": lengths do not add up, or no key. "nul": a NUL in a key, or in a value that is a name. */
export type PaxKind = (typeof kinds)[number] | "malformed" | "nul";

/** Scans one body at a time; the properties tell of the record that {@link next} gave last. */
export class PaxParser {
  readonly #fields: TarFields;

  constructor(core: Core) {
    this.#fields = new TarFields(core);
  }

  /** The longest body that can be scanned. */
  get maxBytes(): number {
    return this.#fields.maxBytes;
  }

  /** Begins a scan of all of `body`; until its end nothing else may use the core's tar functions. */
  start(body: Uint8Array): void {
    this.#fields.core.exports.tarPaxStart(this.#fields.place(body, 0, body.byteLength), body.byteLength);
  }

  /** The next record that says something about a file; records with other keys are checked and passed over. */
  next(): PaxKind {
    const kind = this.#fields.core.exports.tarPaxNext();
    return kinds[kind] ?? (kind === -2 ? "nul" : "malformed");
  }

  /** What follows "SCHILY.xattr." or "LIBARCHIVE.xattr." in the key, as latin1. */
  get key(): string {
    return this.#fields.latin1(this.#fields.mark(marks.key), this.#fields.mark(marks.keyLength));
  }

  get isEmpty(): boolean {
    return this.#fields.mark(marks.valueLength) === 0;
  }

  /** The value as latin1. */
  get text(): string {
    return this.#fields.latin1(this.#fields.mark(marks.value), this.#fields.mark(marks.valueLength));
  }

  /** A copy of the value. */
  get bytes(): Uint8Array {
    return this.#fields.bytes(this.#fields.mark(marks.value), this.#fields.mark(marks.valueLength));
  }

  /** The value as a decimal number, NaN if it is none; of "mtime", its seconds cut towards zero. */
  get number(): number {
    return this.#fields.number(numbers.pax);
  }

  /** Of "mtime": its nanoseconds, negative in a negative time. */
  get nanoseconds(): number {
    return this.#fields.mark(marks.nanos);
  }
}
