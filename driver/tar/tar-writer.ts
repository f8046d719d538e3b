/**
 * An entry as header bytes: POSIX ustar, with a PAX extended header (POSIX.1-2017, pax, "pax Extended Header") for what
 * ustar cannot say and nothing else. The same entry is always the same bytes: no names of users, no access or change
 * times, records in the order of their keys.
 */
import type { EntryType, TarEntry } from "./entry.ts";

export type WritableEntry = Omit<TarEntry, "sparse">;

export const tarBlockBytes = 512;

/** What ends an archive: two blocks of zeros. */
export const endOfArchive: Uint8Array = new Uint8Array(2 * tarBlockBytes);

/** Zeros that follow so many bytes of data. */
export function paddingAfter(sizeBytes: number): number {
  return (tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes;
}

const typeflags: Readonly<Record<EntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  "char-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
};

const maxName = 100;
const maxPrefix = 155;
const maxOctal7 = 0o7777777;
const maxOctal11 = 0o77777777777;
const nanosPerSecond = 1_000_000_000n;
const extendedHeaderName = "././@PaxHeader";

/**
 * The header of `entry`, whole blocks; its data and {@link paddingAfter} it come next. The root is "./", directories end
 * with a slash. An extended attribute without a value, or with "=" in its name, has no form: leave it out before.
 */
export function tarHeader(entry: WritableEntry): Buffer {
  const records = new Map<string, Buffer>();
  const name = nameOf(entry);
  const split = splitName(name);
  if (split === undefined) records.set("path", latin1(name));
  if (entry.linkTarget.length > maxName) records.set("linkpath", latin1(entry.linkTarget));
  const fitting = (key: string, value: number, most: number): number => {
    if (value <= most) return value;
    records.set(key, latin1(String(value)));
    return 0;
  };
  const seconds = floorSeconds(entry.mtimeNs);
  const isPlainTime = seconds >= 0n && seconds <= BigInt(maxOctal11);
  if (!isPlainTime || seconds * nanosPerSecond !== entry.mtimeNs) records.set("mtime", latin1(decimal(entry.mtimeNs)));
  for (const [key, value] of entry.xattrs) records.set(`SCHILY.xattr.${key}`, Buffer.from(value));
  const header = block({
    name: split?.name ?? name.slice(0, maxName),
    prefix: split?.prefix ?? "",
    mode: entry.mode,
    uid: fitting("uid", entry.uid, maxOctal7),
    gid: fitting("gid", entry.gid, maxOctal7),
    sizeBytes: fitting("size", entry.sizeBytes, maxOctal11),
    seconds: isPlainTime ? Number(seconds) : 0,
    typeflag: typeflags[entry.type],
    linkTarget: entry.linkTarget.slice(0, maxName),
    devMajor: entry.devMajor,
    devMinor: entry.devMinor,
  });
  return records.size === 0 ? header : Buffer.concat([...extendedHeader(records), header]);
}

function nameOf({ type, path }: WritableEntry): string {
  if (path === "") return "./";
  return type === "directory" ? `${path}/` : path;
}

/** Undefined when the two fields of ustar cannot hold it. */
function splitName(name: string): { readonly name: string; readonly prefix: string } | undefined {
  if (name.length <= maxName) return { name, prefix: "" };
  const slash = name.lastIndexOf("/", Math.min(maxPrefix, name.length - 2));
  if (slash <= 0 || name.length - slash - 1 > maxName) return undefined;
  return { name: name.slice(slash + 1), prefix: name.slice(0, slash) };
}

interface BlockFields {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly seconds: number;
  readonly typeflag: string;
  readonly linkTarget: string;
  readonly devMajor: number;
  readonly devMinor: number;
}

const checksumOffset = 148;

function block(fields: BlockFields): Buffer {
  const bytes = Buffer.alloc(tarBlockBytes);
  const octal = (value: number, offset: number, digits: number): void => {
    bytes.write(value.toString(8).padStart(digits, "0"), offset, digits, "latin1");
  };
  bytes.write(fields.name, 0, maxName, "latin1");
  octal(fields.mode, 100, 7);
  octal(fields.uid, 108, 7);
  octal(fields.gid, 116, 7);
  octal(fields.sizeBytes, 124, 11);
  octal(fields.seconds, 136, 11);
  bytes.fill(" ", checksumOffset, checksumOffset + 8);
  bytes.write(fields.typeflag, 156, 1, "latin1");
  bytes.write(fields.linkTarget, 157, maxName, "latin1");
  bytes.write("ustar\x0000", 257, 8, "latin1");
  octal(fields.devMajor, 329, 7);
  octal(fields.devMinor, 337, 7);
  bytes.write(fields.prefix, 345, maxPrefix, "latin1");
  let sum = 0;
  for (const byte of bytes) sum += byte;
  octal(sum, checksumOffset, 6);
  bytes[checksumOffset + 6] = 0;
  return bytes;
}

function extendedHeader(records: ReadonlyMap<string, Buffer>): Buffer[] {
  const body = Buffer.concat([...records.keys()].sort().map((key) => record(key, records.get(key) ?? Buffer.alloc(0))));
  const header = block({
    name: extendedHeaderName,
    prefix: "",
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: body.length,
    seconds: 0,
    typeflag: "x",
    linkTarget: "",
    devMajor: 0,
    devMinor: 0,
  });
  return [header, body, Buffer.alloc(paddingAfter(body.length))];
}

/** "<length> <key>=<value>\n", where the length counts its own digits. */
function record(key: string, value: Buffer): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length > length) length++;
  return Buffer.concat([latin1(`${length} ${key}=`), value, latin1("\n")]);
}

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function floorSeconds(ns: bigint): bigint {
  const seconds = ns / nanosPerSecond;
  return ns < 0n && seconds * nanosPerSecond !== ns ? seconds - 1n : seconds;
}

/** Seconds with as many decimals as it takes. */
function decimal(ns: bigint): string {
  const magnitude = ns < 0n ? -ns : ns;
  const fraction = (magnitude % nanosPerSecond).toString().padStart(9, "0").replace(/0+$/, "");
  return `${ns < 0n ? "-" : ""}${magnitude / nanosPerSecond}${fraction === "" ? "" : `.${fraction}`}`;
}
