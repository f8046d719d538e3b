import { inflateRawSync } from "node:zlib";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { BlockRing } from "../../../driver/diff/block-ring.ts";
import { blockFormats, createBlockCompressor } from "../../../driver/diff/compress-block.ts";
import { CompressingBlocks } from "../../../driver/diff/compressing-blocks.ts";
import { CompressingThreads } from "../../../driver/diff/compressing-threads.ts";
import { coreModule } from "../../../driver/wasm/core.ts";

const format = blockFormats.gzip;
const compressor = createBlockCompressor("gzip", coreModule());

function fill(ring: BlockRing, block: number, text: string, isLast: boolean): void {
  ring.content(block).set(Buffer.from(text));
  ring.seal(block, { dictionaryBytes: 0, contentBytes: text.length, isLast });
}

describe("BlockRing", () => {
  it("gives a block to one taker only, and its place to a later block", () => {
    const ring = BlockRing.create(format, 2);
    const other = new BlockRing(ring.parts);
    const outputs: Buffer[] = [];
    for (let block = 0; block < 5; block++) {
      expect(other.compress(block, compressor)).toBe(false);
      fill(ring, block, `block ${block} `, block === 4);
      expect(ring.isDone(block)).toBe(false);
      expect(other.compress(block, compressor)).toBe(true);
      expect(ring.compress(block, compressor)).toBe(false);
      expect(ring.isDone(block)).toBe(true);
      outputs.push(Buffer.from(ring.output(block)));
    }
    expect(inflateRawSync(Buffer.concat(outputs)).toString()).toBe("block 0 block 1 block 2 block 3 block 4 ");
    expect(other.compress(2, compressor)).toBe(false);
  });
});

describe("CompressingThreads", () => {
  it("says that a thread has died, so that nobody waits for its block", async () => {
    // Nothing fits the output: the thread that tries throws.
    const ring = BlockRing.create({ ...format, outputBytes: 1 }, 1);
    await using threads = new CompressingThreads(1, ring, "gzip");
    fill(ring, 0, "text", true);
    await expect(
      (async () => {
        for (;;) {
          threads.throwIfDead();
          await pause(5);
        }
      })(),
    ).rejects.toMatchObject({ code: "ERR_INTERNAL", message: "a compressing thread died" });
    expect(ring.isDone(0)).toBe(false);
  });
});

describe("CompressingBlocks", () => {
  it.each([1, 2, 3])("writes blocks in order and takes each once, with %i threads", async (threads) => {
    const taken: number[] = [];
    const written: Buffer[] = [];
    await using blocks = new CompressingBlocks(
      "gzip",
      threads,
      (content) => taken.push(content.length),
      (output) => written.push(Buffer.from(output)),
    );
    const expected: Buffer[] = [];
    for (let block = 0; block < 12; block++) {
      const { room } = blocks;
      for (let i = 0; i < room.length; i++) room[i] = (i * (block + 3)) >>> 9;
      expected.push(Buffer.from(room));
      await blocks.next(room.length);
    }
    await blocks.finish(0);
    expect(taken).toEqual([...Array.from({ length: 12 }, () => format.blockBytes), 0]);
    expect(inflateRawSync(Buffer.concat(written)).equals(Buffer.concat(expected))).toBe(true);
  });
});
