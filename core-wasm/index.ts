/**
 * laminate's WebAssembly core: SHA-256, CRC-32, gunzip and tar headers. This file is the ABI and nothing else; its names
 * are listed once more in driver/wasm/abi.ts. No host imports, no allocator, no garbage collector: plain functions over
 * static buffers.
 */
export { INPUT, INPUT_BYTES, STAGE, STAGE_BYTES, STATES, STATES_BYTES, STATE_BYTES } from "./shared/memory";
export { sha256Finish, sha256Start, sha256Update } from "./sha256/stream";
export { sha256UpdateLanes } from "./sha256/lanes";
export { crc32 } from "./crc32/crc32";
export { inputHeld, inputLeft, setInput } from "./inflate/bits";
export { outputEnd, outputStart, outputTake } from "./inflate/window";
export { inflateRun, inflateStart } from "./inflate/inflate";
export { DEFLATE_CONTENT, DEFLATE_OUTPUT } from "./deflate/buffers";
export { deflate } from "./deflate/deflate";
export { gunzipRun, gunzipStart, memberCrc } from "./inflate/gzip";
export { TAR_FIELDS, TAR_INPUT, TAR_INPUT_BYTES } from "./tar/fields";
export { tarHeader } from "./tar/header";
export { tarPaxNext, tarPaxStart } from "./tar/pax";
export { tarDecimals, tarSparseBlock } from "./tar/sparse";
