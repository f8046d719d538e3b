/** Deflate streams written bit by bit, for those that no compressor makes. */
export class BitWriter {
  readonly #bits: number[] = [];

  /** A number, lowest bit first (RFC 1951, 3.1.1). */
  number(value: number, length: number): this {
    for (let i = 0; i < length; i++) this.#bits.push((value >>> i) & 1);
    return this;
  }

  /** A Huffman code, highest bit first. */
  code(text: string): this {
    for (const bit of text) this.#bits.push(Number(bit));
    return this;
  }

  toByte(): this {
    while (this.#bits.length % 8 !== 0) this.#bits.push(0);
    return this;
  }

  bytes(): Uint8Array {
    this.toByte();
    const bytes = new Uint8Array(this.#bits.length / 8);
    this.#bits.forEach((bit, i) => {
      bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (bit << (i & 7));
    });
    return bytes;
  }
}

const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** The canonical codes for these lengths, as text; symbols of length 0 have none. */
export function canonicalCodes(lengths: readonly number[]): readonly string[] {
  let code = 0;
  const codes = lengths.map(() => "");
  for (let length = 1; length <= 15; length++) {
    code *= 2;
    lengths.forEach((mine, symbol) => {
      if (mine !== length) return;
      codes[symbol] = code.toString(2).padStart(length, "0").slice(-length);
      code += 1;
    });
  }
  return codes;
}

/** The code lengths, plainly written: each symbol 0 to 15 has a code of four bits. */
export function dynamicHeader(literals: readonly number[], distances: readonly number[]): BitWriter {
  const writer = new BitWriter();
  writer.number(1, 1).number(2, 2);
  writer
    .number(literals.length - 257, 5)
    .number(distances.length - 1, 5)
    .number(15, 4);
  for (const symbol of order) writer.number(symbol < 16 ? 4 : 0, 3);
  for (const length of [...literals, ...distances]) writer.code(length.toString(2).padStart(4, "0"));
  return writer;
}

/** Lengths for `count` symbols: 0 but for those given. */
export function lengthsOf(count: number, given: Readonly<Record<number, number>>): readonly number[] {
  return Array.from({ length: count }, (_, symbol) => given[symbol] ?? 0);
}
