/** Interpreted string literals as Go's specification has them (String literals), which is what Go clients' %q writes. */

const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

const piece = /[^\\]+|\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gsy;

/** The value of `literal`, which begins and ends with a double quote; undefined for an escape that Go refuses. */
export function parseGoString(literal: string): string | undefined {
  const inner = literal.slice(1, -1);
  const bytes: Buffer[] = [];
  let length = 0;
  for (const [text, hex, short, long, octal, simple] of inner.matchAll(piece)) {
    length += text.length;
    const byte = hex === undefined ? parseBase(octal, 8) : parseBase(hex, 16);
    const point = parseBase(short ?? long, 16);
    if (byte !== undefined) {
      if (byte > 0xff) return undefined;
      bytes.push(Buffer.of(byte));
    } else if (point !== undefined) {
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
      bytes.push(Buffer.from(String.fromCodePoint(point)));
    } else {
      const plain = simple === undefined ? text : simpleEscapes[simple];
      if (plain === undefined) return undefined;
      bytes.push(Buffer.from(plain));
    }
  }
  return length === inner.length ? Buffer.concat(bytes).toString("utf8") : undefined;
}

function parseBase(digits: string | undefined, base: number): number | undefined {
  return digits === undefined ? undefined : Number.parseInt(digits, base);
}
