/** The core's raw deflate decoder driven by hand, and zlib's verdict on the same bytes to hold against it. */
import zlib from "node:zlib";
import { type Core, compileCore, createCore } from "../../../driver/wasm/core.ts";

export const builds: readonly { readonly name: string; readonly core: Core }[] = (["simd", "plain"] as const).map(
  (name) => ({ name, core: createCore(compileCore(name)) }),
);

/** What a decoder makes of bytes: the output and how many bytes the stream took, or that it is not a stream. */
export type Verdict = { readonly output: Buffer; readonly consumed: number } | "rejected";

/** How the input is cut: the length of the next part, given the bytes already given. */
export type Cut = (done: number) => number;

export const uncut: Cut = () => Infinity;
export const everyByte: Cut = () => 1;

const slackBytes = 100;
const needInput = 0;
const outputFull = 1;
const streamEnd = 4;

/** `status` is that of the last run: 4 for an accepted stream, 0 for a truncated one, negative for an invalid one. */
export function inflateRaw(core: Core, bytes: Uint8Array, cut: Cut = uncut): { verdict: Verdict; status: number } {
  const { exports, memory } = core;
  const output: Buffer[] = [];
  const take = (): void => {
    output.push(Buffer.from(memory.subarray(exports.outputStart(), exports.outputEnd())));
    exports.outputTake();
  };
  exports.inflateStart();
  let done = 0;
  let status = needInput;
  while (done < bytes.byteLength) {
    const length = Math.min(cut(done), bytes.byteLength - done, exports.INPUT_BYTES.value - slackBytes);
    // At a different place each time, and with wrong bytes behind: what reads past the part goes astray.
    const address = exports.INPUT.value + (done % 13);
    memory.set(bytes.subarray(done, done + length), address);
    memory.fill(0xa5, address + length, address + length + slackBytes - 13);
    exports.setInput(address, length);
    done += length;
    while ((status = exports.inflateRun()) === outputFull) take();
    if (status !== needInput) break;
  }
  take();
  if (status !== streamEnd) return { verdict: "rejected", status };
  const consumed = done - exports.inputLeft() - exports.inputHeld();
  return { verdict: { output: Buffer.concat(output), consumed }, status };
}

/** zlib's verdict; `bytesWritten` of its engine is the input it used. */
export function zlibVerdict(bytes: Uint8Array): Verdict {
  try {
    const result = zlib.inflateRawSync(bytes, { info: true, maxOutputLength: 64 * 1024 * 1024 }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { output: result.buffer, consumed: result.engine.bytesWritten };
  } catch {
    return "rejected";
  }
}
