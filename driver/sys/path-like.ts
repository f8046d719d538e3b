/** A string is UTF-8; bytes are taken as they are. */
export type PathLike = string | Uint8Array;

/** `path` below an open directory, for what takes no directory: right whatever the directory's own path is, however long. */
export function pathBelow(dirfd: number, path: PathLike): PathLike {
  const prefix = `/proc/self/fd/${dirfd}/`;
  return typeof path === "string" ? prefix + path : Buffer.concat([Buffer.from(prefix), path]);
}
