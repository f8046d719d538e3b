/** A string is UTF-8; bytes are taken as they are. */
export type PathLike = string | Uint8Array;
