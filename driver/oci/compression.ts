/** Which envelope a tar comes in, by its first bytes: media types and file names are often wrong about it. */

/** The envelopes that are opened here. */
export type Compression = "none" | "gzip" | "zstd";

/** Those, and the ones that are recognised in order to say so. */
export type DetectedCompression = Compression | "xz" | "bzip2" | "lz4";

/** Bytes that {@link detectCompression} wants to see; fewer are fine at the end of a short input. */
export const compressionMagicBytes = 6;

const magics: readonly (readonly [DetectedCompression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
];

/** Anything unknown is "none": a plain tar has no magic at its start. */
export function detectCompression(first: Uint8Array): DetectedCompression {
  for (const [name, magic] of magics) {
    if (first.length >= magic.length && magic.every((byte, i) => first[i] === byte)) return name;
  }
  // RFC 8878 3.1.2: skippable frames 0x184D2A50 to 5F, which zstd:chunked and pzstd put first.
  const skippable =
    first.length >= 4 &&
    (Number(first[0]) & 0xf0) === 0x50 &&
    first[1] === 0x2a &&
    first[2] === 0x4d &&
    first[3] === 0x18;
  return skippable ? "zstd" : "none";
}
