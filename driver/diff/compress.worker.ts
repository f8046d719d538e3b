/** A thread that helps to compress the blocks of a ring, until it is terminated. */
import { workerData } from "node:worker_threads";
import type { CoreModule } from "../wasm/core.ts";
import { BlockRing, type RingParts } from "./block-ring.ts";
import { createBlockCompressor, type BlockCompression } from "./compress-block.ts";

export interface HelperOrder {
  readonly ring: RingParts;
  readonly compression: BlockCompression;
  readonly core: CoreModule;
}

const { ring: parts, compression, core } = workerData as HelperOrder;
const ring = new BlockRing(parts);
const compressor = createBlockCompressor(compression, core);
for (let block = 0; ; block++) {
  ring.waitUntilSealed(block);
  ring.compress(block, compressor);
}
