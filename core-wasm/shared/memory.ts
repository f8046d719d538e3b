/**
 * The one map of linear memory. Every buffer is static: its address is a constant of the build, nothing is ever
 * allocated or freed, and memory never grows, so views held by the host stay valid for the life of the instance.
 *
 * `memory.data(bytes)` reserves zeroed bytes; zeros take no room in the module file.
 */

/** Compressed bytes on their way into gunzip. */
export const INPUT_BYTES: usize = 256 * 1024;
export const INPUT: usize = memory.data(262144, 64);

/** How far back a deflate match may reach (RFC 1951, 3.2.5). */
export const HISTORY_BYTES: usize = 32 * 1024;
/** Output collected before the host must take it. */
export const OUTPUT_BYTES: usize = 512 * 1024;
/** Room past the end of the output: the longest match (258), the literals before it, and what wide stores overshoot. */
export const OUTPUT_SLACK: usize = 512;
/** History, then output, then slack. */
export const WINDOW: usize = memory.data(32768 + 524288 + 512, 64);

/** Bytes from outside to be hashed or checksummed. Bytes that already lie in this memory need no stage. */
export const STAGE_BYTES: usize = 128 * 1024;
export const STAGE: usize = memory.data(131072, 64);

/** Hash states, handed out by the host in units of STATE_BYTES. */
export const STATE_BYTES: usize = 128;
export const STATES_BYTES: usize = 64 * 1024;
export const STATES: usize = memory.data(65536, 64);
