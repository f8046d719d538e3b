/**
 * Streaming gunzip by the core: any number of members, everything gzip promises checked, bounded by what the caller
 * allows. Synchronous; the caller's thread does the work inside {@link Gunzip.push} and {@link Gunzip.end}.
 */
import zlib from "node:zlib";
import { StorageError } from "../base/errors.ts";
import type { Core } from "./core.ts";
import { crc32 } from "./crc32.ts";
import { reasonOf, status } from "./gunzip-status.ts";

export interface GunzipOptions {
  /** Compare each member's CRC-32. Default true; lengths are compared in any case. */
  readonly verifyCrc?: boolean;
  /** Who computes it. Default "native", zlib's, which is the faster. */
  readonly crcEngine?: "native" | "wasm";
  /** Most bytes of output. Default: no limit. */
  readonly maxOutputBytes?: number;
  /** Most bytes of output per byte of input, once there are more than {@link ratioFloorBytes} of output. */
  readonly maxRatio?: number;
}

export interface GunzipSummary {
  readonly members: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Input after the last member, whatever it is: padding zeros, or garbage that does not begin like a member. */
  readonly trailingBytes: number;
}

/** Output too small for its ratio to its input to mean anything. */
export const ratioFloorBytes: number = 1024 * 1024;

/** Which Gunzip a core is decoding for. */
const owners = new WeakMap<Core, Gunzip>();

/**
 * One gzip stream, decoded in `core`, which serves one Gunzip at a time: a new one takes it over, and the one before
 * fails from then on. Any error, and any throw of the sink, ends the stream for good.
 */
export class Gunzip {
  readonly #core: Core;
  readonly #sink: (bytes: Uint8Array) => void;
  readonly #crcOf: ((bytes: Uint8Array, seed: number) => number) | undefined;
  readonly #maxOutputBytes: number;
  readonly #maxRatio: number;
  /** False while a call is at work, and so for ever after one that threw. */
  #usable = true;
  #trailing = false;
  #members = 0;
  #inputBytes = 0;
  #takenBytes = 0;
  /** Input up to and with the last complete member. */
  #memberBytes = 0;
  #crc = 0;
  /** The address in the output up to which `#crc` goes. */
  #crcEnd: number;

  /** `sink` gets the output in order, in views of core memory (up to half a MiB) that hold until it returns. */
  constructor(core: Core, sink: (bytes: Uint8Array) => void, options: GunzipOptions = {}) {
    this.#core = core;
    this.#sink = sink;
    const { verifyCrc = true, crcEngine = "native" } = options;
    const engine = crcEngine === "native" ? zlib.crc32 : crc32.bind(undefined, core);
    this.#crcOf = verifyCrc ? engine : undefined;
    this.#maxOutputBytes = options.maxOutputBytes ?? Infinity;
    this.#maxRatio = options.maxRatio ?? Infinity;
    owners.set(core, this);
    core.exports.gunzipStart();
    this.#crcEnd = core.exports.outputEnd();
  }

  /**
   * Decodes `bytes`, which are not kept. Cuts may be anywhere. Output reaches the sink as the window fills up.
   * @throws {StorageError} ERR_DATA_LOSS when the stream is not valid; ERR_RESOURCE_EXHAUSTED when it is over a limit;
   * ERR_FAILED_PRECONDITION after an error, after `end`, or when another Gunzip has taken the core.
   */
  push(bytes: Uint8Array): void {
    this.#enter();
    const { memory, exports } = this.#core;
    if (bytes.buffer === memory.buffer) {
      this.#decode(bytes.byteOffset, bytes.byteLength);
    } else {
      const most = exports.INPUT_BYTES.value;
      for (let done = 0; done < bytes.byteLength; done += most) {
        const part = bytes.subarray(done, done + most);
        memory.set(part, exports.INPUT.value);
        this.#decode(exports.INPUT.value, part.byteLength);
      }
    }
    this.#usable = true;
  }

  /** Where the next input may be put (by a read, say) to spare a copy; push a part of it then. Always the same view. */
  inputView(): Uint8Array {
    const { INPUT, INPUT_BYTES } = this.#core.exports;
    return this.#core.memory.subarray(INPUT.value, INPUT.value + INPUT_BYTES.value);
  }

  /** Hands the rest of the output to the sink. Throws as `push` does, and when the input ends inside a member. */
  end(): GunzipSummary {
    this.#enter();
    const rest = this.#inputBytes - this.#memberBytes;
    // After a member, a single byte can be left that might have begun another.
    if (this.#members === 0 || (!this.#trailing && rest > 1)) throw this.#broken("unexpected end of input");
    this.#deliver();
    return {
      members: this.#members,
      inputBytes: this.#inputBytes,
      outputBytes: this.#takenBytes,
      trailingBytes: rest,
    };
  }

  #enter(): void {
    if (!this.#usable) {
      throw new StorageError("ERR_FAILED_PRECONDITION", "cannot gunzip: the stream has ended or failed, or is at work");
    }
    if (owners.get(this.#core) !== this) {
      throw new StorageError("ERR_FAILED_PRECONDITION", "cannot gunzip: the core now decodes another stream");
    }
    this.#usable = false;
  }

  #decode(address: number, length: number): void {
    const { exports } = this.#core;
    this.#inputBytes += length;
    if (this.#trailing) return;
    exports.setInput(address, length);
    for (;;) {
      const result = exports.gunzipRun();
      switch (result) {
        case status.needInput:
          return;
        case status.trailing:
          this.#trailing = true;
          return;
        case status.outputFull:
          this.#deliver();
          break;
        case status.memberEnd:
          this.#endMember();
          break;
        default:
          throw this.#broken(reasonOf(result));
      }
    }
  }

  #endMember(): void {
    const { exports } = this.#core;
    this.#addToCrc();
    if (this.#crcOf !== undefined && this.#crc !== exports.memberCrc() >>> 0) throw this.#broken("CRC does not match");
    this.#crc = 0;
    this.#members += 1;
    this.#memberBytes = this.#inputBytes - exports.inputLeft() - exports.inputHeld();
  }

  #addToCrc(): void {
    const end = this.#core.exports.outputEnd();
    if (this.#crcOf !== undefined && end > this.#crcEnd) {
      this.#crc = this.#crcOf(this.#core.memory.subarray(this.#crcEnd, end), this.#crc);
    }
    this.#crcEnd = end;
  }

  #deliver(): void {
    const { exports, memory } = this.#core;
    this.#addToCrc();
    const bytes = memory.subarray(exports.outputStart(), exports.outputEnd());
    this.#takenBytes += bytes.byteLength;
    this.#checkLimits();
    if (bytes.byteLength > 0) this.#sink(bytes);
    exports.outputTake();
    this.#crcEnd = exports.outputEnd();
  }

  #checkLimits(): void {
    const outputBytes = this.#takenBytes;
    if (outputBytes > this.#maxOutputBytes) {
      throw this.#over(`output is more than ${this.#maxOutputBytes} bytes`, "maxOutputBytes");
    }
    if (outputBytes > ratioFloorBytes && outputBytes > this.#maxRatio * this.#inputBytes) {
      throw this.#over(`output is more than ${this.#maxRatio} times the input`, "maxRatio");
    }
  }

  #over(reason: string, limit: string): StorageError {
    return new StorageError("ERR_RESOURCE_EXHAUSTED", `cannot gunzip the stream: ${reason}`, {
      details: { limit, inputBytes: this.#inputBytes, outputBytes: this.#takenBytes },
    });
  }

  #broken(reason: string): StorageError {
    const details = { reason, inputBytes: this.#inputBytes, members: this.#members };
    return new StorageError("ERR_DATA_LOSS", `cannot gunzip the stream: ${reason}`, { details });
  }
}
