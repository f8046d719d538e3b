/** What the core's decoder returns (core-wasm/shared/status.ts), and how errors are worded. */

export const status = { needInput: 0, outputFull: 1, memberEnd: 2, trailing: 3, streamEnd: 4 } as const;

const reasons: ReadonlyMap<number, string> = new Map([
  [-1, "invalid block type"],
  [-2, "invalid stored block length"],
  [-3, "too many length or distance symbols"],
  [-4, "invalid code lengths set"],
  [-5, "a code length repeats before the first"],
  [-6, "code lengths repeat past their end"],
  [-7, "block without an end-of-block code"],
  [-8, "invalid literal/length code lengths"],
  [-9, "invalid distance code lengths"],
  [-10, "invalid literal/length code"],
  [-11, "invalid distance code"],
  [-12, "distance reaches before the start of the output"],
  [-20, "not a gzip stream"],
  [-21, "unknown compression method"],
  [-22, "reserved header flags are set"],
  [-23, "header CRC does not match"],
  [-24, "length in the trailer does not match"],
]);

export function reasonOf(code: number): string {
  return reasons.get(code) ?? `decoder status ${code}`;
}
