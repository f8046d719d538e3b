/** What a run of the decoder ended with. The host's side, with a text for each error, is driver/wasm/gunzip-status.ts. */

/** All input is used up; the stream goes on. */
export const NEED_INPUT: i32 = 0;
/** The output must be taken before decoding goes on. */
export const OUTPUT_FULL: i32 = 1;
/** A gzip member ended with a trailer of the right length; its CRC is for the host to compare. */
export const MEMBER_END: i32 = 2;
/** After the last member: what is left of the input is not gzip. */
export const TRAILING: i32 = 3;
/** The raw deflate stream ended. */
export const STREAM_END: i32 = 4;
/** Inside the decoder only: done here, go on with what follows. */
export const GO_ON: i32 = 5;

export const BAD_BLOCK_TYPE: i32 = -1;
export const BAD_STORED_LENGTH: i32 = -2;
export const TOO_MANY_SYMBOLS: i32 = -3;
export const BAD_CODE_LENGTH_CODE: i32 = -4;
export const REPEAT_WITHOUT_LENGTH: i32 = -5;
export const REPEAT_TOO_LONG: i32 = -6;
export const NO_END_OF_BLOCK: i32 = -7;
export const BAD_LITERAL_CODE: i32 = -8;
export const BAD_DISTANCE_CODE: i32 = -9;
export const UNUSED_LITERAL_CODE: i32 = -10;
export const UNUSED_DISTANCE_CODE: i32 = -11;
export const DISTANCE_TOO_FAR: i32 = -12;

export const NOT_GZIP: i32 = -20;
export const BAD_METHOD: i32 = -21;
export const RESERVED_FLAGS: i32 = -22;
export const BAD_HEADER_CRC: i32 = -23;
export const BAD_LENGTH: i32 = -24;
