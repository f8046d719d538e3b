/**
 * File names are bytes. Node's APIs take them as Buffers; as keys of maps they are held as latin1 strings, one char a
 * byte, which compare and sort as bytes do and lose nothing.
 */

declare const keyBrand: unique symbol;

/**
 * A cleaned path relative to a root, as a latin1 string: components joined by "/", none empty, "." or ".."; the root
 * itself is "". Made by tar/ from entry names and by directory walks.
 */
export type RelPath = string & { readonly [keyBrand]: true };

export const rootPath = "" as RelPath;

export function bytesOf(path: string): Buffer {
  return Buffer.from(path, "latin1");
}

export function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function parentOf(path: RelPath): RelPath {
  const slash = path.lastIndexOf("/");
  return (slash < 0 ? "" : path.slice(0, slash)) as RelPath;
}

export function baseOf(path: RelPath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function joinPath(parent: RelPath, name: string): RelPath {
  return (parent === "" ? name : `${parent}/${name}`) as RelPath;
}

/** For messages: UTF-8 if it is, with control characters escaped, cut at 200 characters. */
export function shownPath(path: string): string {
  return JSON.stringify(bytesOf(path).toString("utf8").slice(0, 200));
}
