/** CRC-32 (RFC 1952, section 8) in the core. */
import type { Core } from "./core.ts";

/** CRC-32, unsigned, of the bytes whose CRC-32 is `seed` followed by `bytes`. */
export function crc32(core: Core, bytes: Uint8Array, seed = 0): number {
  let crc = seed;
  core.withBytes(bytes, (address, length) => {
    crc = core.exports.crc32(crc, address, length);
  });
  return crc >>> 0;
}
