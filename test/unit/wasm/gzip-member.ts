/** gzip members written field by field (RFC 1952, 2.3). */
import zlib from "node:zlib";

export interface MemberFields {
  readonly flags?: number;
  readonly method?: number;
  readonly extra?: Uint8Array;
  readonly name?: string;
  readonly comment?: string;
  /** Write the header's CRC-16, right or (a number) wrong. */
  readonly headerCrc?: true | number;
  readonly crc?: number;
  readonly length?: number;
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`, "latin1");

/** A member of `bytes` with the header fields asked for, the flags that go with them, and a right trailer by default. */
export function gzipMember(bytes: Uint8Array, fields: MemberFields = {}): Buffer {
  const { extra, name, comment, headerCrc } = fields;
  let flags = fields.flags ?? 0;
  const parts: Buffer[] = [];
  if (extra !== undefined) {
    flags |= 4;
    parts.push(Buffer.of(extra.byteLength & 255, extra.byteLength >> 8), Buffer.from(extra));
  }
  if (name !== undefined) {
    flags |= 8;
    parts.push(text(name));
  }
  if (comment !== undefined) {
    flags |= 16;
    parts.push(text(comment));
  }
  if (headerCrc !== undefined) flags |= 2;
  const header = Buffer.concat([Buffer.of(0x1f, 0x8b, fields.method ?? 8, flags, 1, 2, 3, 4, 0, 255), ...parts]);
  const headerEnd = Buffer.alloc(headerCrc === undefined ? 0 : 2);
  if (headerCrc !== undefined) {
    headerEnd.writeUInt16LE(headerCrc === true ? zlib.crc32(header) & 0xffff : headerCrc);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(fields.crc ?? zlib.crc32(bytes), 0);
  trailer.writeUInt32LE(fields.length ?? bytes.byteLength, 4);
  return Buffer.concat([header, headerEnd, zlib.deflateRawSync(bytes), trailer]);
}
