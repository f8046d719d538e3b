/** The files of a layer's stored bytes: the one that is read, perhaps while it arrives, and the one that keeps them. */
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { StorageError } from "../base/errors.ts";
import { Arrival } from "./arrival.ts";
import type { LayerFile } from "./tasks.ts";

const chunkBytes = 256 * 1024;

export interface LayerReader extends Disposable {
  /** A view of one reused buffer; undefined at the end. */
  read(): Uint8Array | undefined;
}

export function openLayerFile(
  { path, offsetBytes, sizeBytes, arrival }: LayerFile,
  what: string,
  checkCanceled: () => void,
): LayerReader {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const end = offsetBytes + sizeBytes;
  const buffer = Buffer.allocUnsafeSlow(chunkBytes);
  const arriving = arrival && new Arrival(arrival);
  let at = offsetBytes;
  let there = arriving === undefined ? end : at;
  return {
    read: () => {
      if (at === end) return undefined;
      if (at === there) there = Math.min(end, arriving?.waitBeyond(at, what, checkCanceled) ?? end);
      const got = readSync(fd, buffer, 0, Math.min(chunkBytes, there - at), at);
      if (got === 0) {
        throw new StorageError(
          "ERR_DATA_LOSS",
          `cannot read ${what}: ${path} ends after ${at - offsetBytes} of ${sizeBytes} bytes`,
          { details: { expected: sizeBytes, actual: at - offsetBytes } },
        );
      }
      at += got;
      return buffer.subarray(0, got);
    },
    [Symbol.dispose]: () => {
      closeSync(fd);
    },
  };
}

interface KeptBytes extends Disposable {
  write(bytes: Uint8Array): void;
}

export function openIngest(path: string | null): KeptBytes {
  if (path === null) return { write: () => undefined, [Symbol.dispose]: () => undefined };
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    },
    [Symbol.dispose]: () => {
      closeSync(fd);
    },
  };
}
