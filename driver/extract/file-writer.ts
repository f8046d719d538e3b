/** Writing one regular file of a layer, dense or sparse. */
import { ftruncateSync } from "node:fs";
import { StorageError } from "../base/errors.ts";
import { closeFd, pwriteAll, writeAll } from "../sys/linux.ts";
import type { SparseExtent, TarEntry } from "../tar/entry.ts";

export class FileWriter {
  readonly entry: TarEntry;
  readonly #fd: number;
  readonly #extents: readonly SparseExtent[] | undefined;
  #extent = 0;
  /** Bytes of the current extent written. */
  #filled = 0;
  #contentBytes = 0;

  /** Owns `fd` from now on. */
  constructor(fd: number, entry: TarEntry) {
    this.entry = entry;
    this.#fd = fd;
    this.#extents = entry.sparse;
  }

  get contentBytes(): number {
    return this.#contentBytes;
  }

  write(bytes: Uint8Array): void {
    this.#contentBytes += bytes.length;
    if (this.#extents === undefined) {
      writeAll(this.#fd, bytes);
      return;
    }
    for (let rest = bytes; rest.length > 0;) {
      const extent = this.#extents[this.#extent];
      if (extent === undefined) throw new StorageError("ERR_DATA_LOSS", "more data than its extents hold");
      const part = rest.subarray(0, extent.sizeBytes - this.#filled);
      pwriteAll(this.#fd, part, extent.offsetBytes + this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === extent.sizeBytes) {
        this.#extent++;
        this.#filled = 0;
      }
    }
  }

  /** Gives a sparse file its whole size, then hands on the descriptor for the attributes, then closes it. */
  finish(attributes: (fd: number) => void): void {
    try {
      if (this.#extents !== undefined) ftruncateSync(this.#fd, this.entry.sizeBytes);
      attributes(this.#fd);
    } finally {
      closeFd(this.#fd);
    }
  }

  abandon(): void {
    closeFd(this.#fd);
  }
}
