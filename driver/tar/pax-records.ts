/** What the records of one extended header say, with their values checked. A repeated key: the last wins. */
import type { PaxParser } from "../wasm/tar-pax.ts";
import { badHeader, overLimit } from "./tar-errors.ts";

/** GNU.sparse.* records: versions 0.0 and 0.1 hold the map here, 1.0 in the file's data. */
export class PaxSparse {
  major: string | undefined;
  minor: string | undefined;
  name: string | undefined;
  realSizeBytes: number | undefined;
  count: number | undefined;
  /** Version 0.1: "offset,length,offset,length". */
  map: Uint8Array | undefined;
  /** Version 0.0: offset and length in turn. */
  readonly pairs: number[] = [];
}

/** An absent value, and one deleted by an empty record, leaves what the header block says. */
export class PaxRecords {
  path: string | undefined;
  linkPath: string | undefined;
  sizeBytes: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
  mtimeNs: bigint | undefined;
  sparse: PaxSparse | undefined;
  /** SCHILY.xattr: values as they are. */
  readonly xattrs: Map<string, Uint8Array> = new Map<string, Uint8Array>();
  /** LIBARCHIVE.xattr, decoded: bsdtar writes both, the other readers know only the first. */
  readonly encodedXattrs: Map<string, Uint8Array> = new Map<string, Uint8Array>();
}

/**
 * Reads the records of `body`, the body of the extended header at `atByte`.
 * @throws {StorageError} ERR_INVALID_ARGUMENT when malformed; ERR_RESOURCE_EXHAUSTED over `maxSparseExtents`.
 */
export function readPaxRecords(
  parser: PaxParser,
  body: Uint8Array,
  atByte: number,
  maxSparseExtents: number,
): PaxRecords {
  const records = new PaxRecords();
  parser.start(body);
  const number = (): number | undefined => {
    if (parser.isEmpty) return undefined;
    const value = parser.number;
    if (Number.isNaN(value)) throw badHeader(atByte, `PAX record has ${JSON.stringify(parser.text)} for a number`);
    return value;
  };
  const text = (): string | undefined => (parser.isEmpty ? undefined : parser.text);
  let sparse: PaxSparse | undefined;
  const map = (): PaxSparse => (sparse ??= records.sparse = new PaxSparse());
  for (;;) {
    const kind = parser.next();
    switch (kind) {
      case "end":
        return records;
      case "malformed":
        throw badHeader(atByte, "PAX records are malformed");
      case "nul":
        throw badHeader(atByte, "PAX record holds a NUL in a name");
      case "path":
        records.path = text();
        break;
      case "linkpath":
        records.linkPath = text();
        break;
      case "size":
        records.sizeBytes = number();
        break;
      case "uid":
        records.uid = number();
        break;
      case "gid":
        records.gid = number();
        break;
      case "mtime":
        records.mtimeNs = timeOf(number(), parser.nanoseconds, atByte);
        break;
      case "xattr":
        setXattr(records.xattrs, parser.key, parser.bytes, atByte);
        break;
      case "encoded-xattr":
        setXattr(records.encodedXattrs, decodeName(parser.key), decodeBase64(parser.text, atByte), atByte);
        break;
      case "sparse-major":
        map().major = text();
        break;
      case "sparse-minor":
        map().minor = text();
        break;
      case "sparse-name":
        map().name = text();
        break;
      case "sparse-realsize":
      case "sparse-size":
        map().realSizeBytes = number();
        break;
      case "sparse-count":
        map().count = number();
        break;
      case "sparse-map":
        map().map = parser.isEmpty ? undefined : parser.bytes;
        break;
      case "sparse-offset":
      case "sparse-numbytes": {
        const { pairs } = map();
        if ((kind === "sparse-offset") !== (pairs.length % 2 === 0)) throw badHeader(atByte, "sparse map is malformed");
        if (pairs.length >= 2 * maxSparseExtents) throw overLimit(atByte, "maxSparseExtents", maxSparseExtents);
        pairs.push(number() ?? NaN);
      }
    }
  }
}

function timeOf(seconds: number | undefined, nanoseconds: number, atByte: number): bigint | undefined {
  if (seconds === undefined) return undefined;
  if (!Number.isFinite(seconds)) throw badHeader(atByte, "mtime is out of range");
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

function setXattr(xattrs: Map<string, Uint8Array>, name: string, value: Uint8Array, atByte: number): void {
  if (name === "" || name.includes("\0")) throw badHeader(atByte, "extended attribute has no proper name");
  if (value.byteLength > 0) xattrs.set(name, value);
  else xattrs.delete(name);
}

/** "%41" is "A"; anything else stands for itself. */
function decodeName(name: string): string {
  return name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function decodeBase64(text: string, atByte: number): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw badHeader(atByte, "extended attribute is not base64");
  return Buffer.from(text, "base64");
}
