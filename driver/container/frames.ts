/**
 * What a client and the process that attends to a container say to each other, over a socket: frames of one byte of
 * kind, four of length (big endian) and a payload.
 */
import { StorageError } from "../base/errors.ts";

/** From the client: its wishes, input and its end, the terminal's size, signals. To it: all else. */
export type FrameKind =
  ("hello" | "input" | "inputEnd" | "resize" | "signal") | ("started" | "failed" | "stdout" | "stderr" | "exited");
const kinds: readonly FrameKind[] = [
  ...(["hello", "input", "inputEnd", "resize", "signal"] as const),
  ...(["started", "failed", "stdout", "stderr", "exited"] as const),
];

/** Payload of "hello", JSON. */
export interface Hello {
  /** What the program writes is wanted. */
  readonly wantsOutput: boolean;
}

/** Payload of "exited", JSON. */
export interface Exited {
  readonly exitCode: number;
}

const headerBytes = 5;
const maxPayloadBytes = 1024 * 1024;

export function frame(kind: FrameKind, payload: Uint8Array | string = ""): Buffer {
  const bytes = Buffer.from(payload);
  const header = Buffer.alloc(headerBytes);
  header[0] = kinds.indexOf(kind);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

/** Puts frames together from what arrives. */
export class FrameReader {
  readonly #onFrame: (kind: FrameKind, payload: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: (kind: FrameKind, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws {StorageError} ERR_DATA_LOSS for what no frame begins with. */
  push(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (rest.length >= headerBytes) {
      const kind = kinds[rest[0] ?? kinds.length];
      const length = rest.readUInt32BE(1);
      if (kind === undefined || length > maxPayloadBytes) {
        throw new StorageError("ERR_DATA_LOSS", "cannot read a container's streams: what came is no frame");
      }
      if (rest.length < headerBytes + length) break;
      this.#onFrame(kind, rest.subarray(headerBytes, headerBytes + length));
      rest = rest.subarray(headerBytes + length);
    }
    this.#rest = rest;
  }
}
