/** Deflating pieces of a stream in the core, each for itself: see core-wasm/deflate. */
import { StorageError } from "../base/errors.ts";
import type { Core } from "./core.ts";

/** The most content of one piece. */
export const deflateBlockBytes: number = 512 * 1024;
/** The most of what came before a piece that is used. */
export const deflateDictionaryBytes: number = 32 * 1024;

export interface DeflatePiece {
  /** What comes before it in the stream: its last {@link deflateDictionaryBytes}, or less. */
  readonly dictionary: Uint8Array;
  readonly content: Uint8Array;
  /** Whether the stream ends with it. */
  readonly isLast: boolean;
}

/** Any number may share a core; nothing is left from one piece for the next. */
export class Deflater {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Raw deflate (RFC 1951) of one piece, ending on a byte: pieces put together are one stream. At most 1 KiB longer than
   * the content. The result is a view of the core's memory that holds until the next call; it depends on the piece alone.
   * @throws {StorageError} ERR_INVALID_ARGUMENT for more bytes than the two limits.
   */
  deflate({ dictionary, content, isLast }: DeflatePiece): Uint8Array {
    if (content.length > deflateBlockBytes || dictionary.length > deflateDictionaryBytes) {
      const sizes = `${content.length} bytes after ${dictionary.length}`;
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot deflate ${sizes}: that is more than one piece`);
    }
    const { exports, memory } = this.#core;
    const at = exports.DEFLATE_CONTENT.value;
    memory.set(dictionary, at - dictionary.length);
    memory.set(content, at);
    const made = exports.deflate(dictionary.length, content.length, isLast ? 1 : 0);
    const output = exports.DEFLATE_OUTPUT.value;
    return memory.subarray(output, output + made);
  }
}
