/** A thread that compresses the blocks it is sent, one after the other. */
import { parentPort } from "node:worker_threads";
import { compressBlock, type BlockCompression } from "./compress-block.ts";

export interface BlockTask {
  readonly index: number;
  readonly compression: BlockCompression;
  /** Dictionary and content, side by side; comes back with the result. */
  readonly memory: ArrayBuffer;
  readonly dictionaryAt: number;
  readonly contentAt: number;
  readonly endAt: number;
  readonly isLast: boolean;
}

export interface BlockResult {
  readonly index: number;
  readonly memory: ArrayBuffer;
  readonly output: Uint8Array;
}

parentPort?.on("message", ({ index, compression, memory, dictionaryAt, contentAt, endAt, isLast }: BlockTask) => {
  const dictionary = new Uint8Array(memory, dictionaryAt, contentAt - dictionaryAt);
  const content = new Uint8Array(memory, contentAt, endAt - contentAt);
  const result: BlockResult = { index, memory, output: compressBlock(compression, content, dictionary, isLast) };
  parentPort?.postMessage(result, [memory]);
});
