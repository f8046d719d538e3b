/** The keys that leave a program alone: "ctrl-p,ctrl-q", "a,ctrl-x"; "" for none. */
import { StorageError } from "../base/errors.ts";

export const defaultDetachKeys = "ctrl-p,ctrl-q";

/** @throws {StorageError} ERR_INVALID_ARGUMENT */
export function parseDetachKeys(text: string): Uint8Array {
  return Uint8Array.from(text === "" ? [] : text.split(",").map(keyCode));
}

function keyCode(key: string): number {
  const code = key.startsWith("ctrl-") ? "@abcdefghijklmnopqrstuvwxyz[\\]^_".indexOf(key.slice(5)) : key.charCodeAt(0);
  const isOne = key.startsWith("ctrl-") ? key.length === 6 && code >= 0 : key.length === 1 && code < 128;
  if (isOne) return code;
  throw new StorageError(
    "ERR_INVALID_ARGUMENT",
    `cannot detach with ${JSON.stringify(key)}: want a letter or ctrl- and one of a-z @ [ \\ ] ^ _`,
  );
}

/** Finds the keys in what is typed; what began like them and went on otherwise is passed on late. */
export class DetachKeys {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What the program gets of it, and whether the keys were typed. */
  read(typed: Uint8Array): { readonly bytes: Uint8Array; readonly isDetach: boolean } {
    if (this.#keys.length === 0) return { bytes: typed, isDetach: false };
    const bytes: number[] = [];
    for (const byte of typed) {
      if (byte !== this.#keys[this.#matched]) {
        bytes.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#keys[this.#matched]) {
        bytes.push(byte);
        continue;
      }
      this.#matched++;
      if (this.#matched === this.#keys.length) return { bytes: Uint8Array.from(bytes), isDetach: true };
    }
    return { bytes: Uint8Array.from(bytes), isDetach: false };
  }
}
