/**
 * What the compiled core exports, by name and type: the other side of core-wasm/index.ts. All addresses and lengths are
 * bytes in the core's own memory; a unit test compares this table with the module files.
 */

type Address = number;

export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  readonly INPUT: WebAssembly.Global;
  readonly INPUT_BYTES: WebAssembly.Global;
  readonly STAGE: WebAssembly.Global;
  readonly STAGE_BYTES: WebAssembly.Global;
  readonly STATES: WebAssembly.Global;
  readonly STATES_BYTES: WebAssembly.Global;
  readonly STATE_BYTES: WebAssembly.Global;

  /** Makes `state` (STATE_BYTES long) an empty SHA-256. */
  sha256Start(state: Address): void;
  sha256Update(state: Address, bytes: Address, length: number): void;
  /** Ends the hash: the digest is the first 32 bytes of `state`. */
  sha256Finish(state: Address): void;
  /** Updates four states side by side, each with `blocks` 64-byte blocks; none may hold a partial block. */
  sha256UpdateLanes(
    ...args: [
      ...states: [Address, Address, Address, Address],
      ...bytes: [Address, Address, Address, Address],
      blocks: number,
    ]
  ): void;

  /** CRC-32 of `crc`'s bytes followed by these; the result is signed. */
  crc32(crc: number, bytes: Address, length: number): number;

  /** Begins a gzip stream; whatever was being decoded is forgotten. */
  gunzipStart(): void;
  /** Begins a raw deflate stream. */
  inflateStart(): void;
  /** Compressed bytes to go on with; the previous ones must have been consumed. */
  setInput(bytes: Address, length: number): void;
  /** Bytes of the present input not read yet. */
  inputLeft(): number;
  /** Bytes read from the input but not used: 0 to 7, at the end of a raw deflate stream. */
  inputHeld(): number;
  /** Decodes until something is for the host to do; a status of core-wasm/shared/status.ts. */
  gunzipRun(): number;
  inflateRun(): number;
  /** The output not yet taken is [outputStart, outputEnd). */
  outputStart(): Address;
  outputEnd(): Address;
  /** Takes all output: its bytes are only history from now on and may be overwritten. */
  outputTake(): void;
  /** The CRC-32 in the trailer of the member just ended; signed. */
  memberCrc(): number;

  readonly DEFLATE_CONTENT: WebAssembly.Global;
  readonly DEFLATE_OUTPUT: WebAssembly.Global;
  /**
   * Deflates `length` bytes at DEFLATE_CONTENT, at most 512 KiB, of which the `dictionary` bytes before it, at most 32
   * KiB, came before; `isLast` (0 or 1) ends the stream. Returns how many bytes it made at DEFLATE_OUTPUT.
   */
  deflate(dictionary: number, length: number, isLast: number): number;

  readonly TAR_INPUT: WebAssembly.Global;
  readonly TAR_INPUT_BYTES: WebAssembly.Global;
  readonly TAR_FIELDS: WebAssembly.Global;
  /** Parses a 512-byte header block: 0 a header, 1 all zeros, 2 a wrong checksum. */
  tarHeader(block: Address): number;
  /** Begins a scan of a PAX body. */
  tarPaxStart(body: Address, length: number): void;
  /** The kind of the next record, 0 at the end, negative when malformed. */
  tarPaxNext(): number;
  /** Parses a 512-byte extension block of an old GNU sparse header. */
  tarSparseBlock(block: Address): void;
  /** Decimal numbers that each end in `separator`; the bytes read, or -1. */
  tarDecimals(
    ...args: [bytes: Address, length: number, separator: number, most: number, carry: number, digits: number]
  ): number;
}

type Kind = "function" | "global" | "memory";

export const abi: Readonly<Record<keyof CoreExports, Kind>> = {
  memory: "memory",
  INPUT: "global",
  INPUT_BYTES: "global",
  STAGE: "global",
  STAGE_BYTES: "global",
  STATES: "global",
  STATES_BYTES: "global",
  STATE_BYTES: "global",
  sha256Start: "function",
  sha256Update: "function",
  sha256Finish: "function",
  sha256UpdateLanes: "function",
  crc32: "function",
  gunzipStart: "function",
  inflateStart: "function",
  setInput: "function",
  inputLeft: "function",
  inputHeld: "function",
  gunzipRun: "function",
  inflateRun: "function",
  outputStart: "function",
  outputEnd: "function",
  outputTake: "function",
  memberCrc: "function",
  DEFLATE_CONTENT: "global",
  DEFLATE_OUTPUT: "global",
  deflate: "function",
  TAR_INPUT: "global",
  TAR_INPUT_BYTES: "global",
  TAR_FIELDS: "global",
  tarHeader: "function",
  tarPaxStart: "function",
  tarPaxNext: "function",
  tarSparseBlock: "function",
  tarDecimals: "function",
};
