/** What is mounted in this mount namespace, read from /proc/self/mountinfo (proc_pid_mountinfo(5)). */
import { readFileSync, realpathSync } from "node:fs";
import { isErrno } from "../base/errors.ts";

export interface MountInfo {
  readonly id: number;
  readonly parentId: number;
  /** "major:minor". */
  readonly device: string;
  /** Directory of the file system that is the root of this mount. */
  readonly root: string;
  readonly mountPoint: string;
  /** Of this mount: "rw", "noatime" and so on. */
  readonly options: readonly string[];
  /** "shared:1", "master:2" and so on. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Of the file system: "rw", "lowerdir=…" and so on. */
  readonly superOptions: readonly string[];
}

/** All mounts, in the kernel's order: a mount comes after the one it covers. */
export function readMountinfo(): readonly MountInfo[] {
  return parseMountinfo(readFileSync("/proc/self/mountinfo"));
}

/** Lines that are not of the expected form are left out. */
export function parseMountinfo(content: Uint8Array): readonly MountInfo[] {
  const lines = Buffer.from(content).toString("latin1").split("\n");
  return lines.map(parseLine).filter((mount) => mount !== undefined);
}

/** Mounts whose mount point is `path`, covered ones first. Symlinks in `path` are followed; [] if it does not exist. */
export function mountsAt(path: string): readonly MountInfo[] {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
  return readMountinfo().filter((mount) => mount.mountPoint === real);
}

/** Mounts at any path below the directory `path`, itself not among them; in the kernel's order. */
export function mountsBelow(path: string): readonly MountInfo[] {
  const prefix = `${realpathSync(path)}/`;
  return readMountinfo().filter((mount) => mount.mountPoint.startsWith(prefix));
}

export function isMountPoint(path: string): boolean {
  return mountsAt(path).length > 0;
}

function parseLine(line: string): MountInfo | undefined {
  const fields = line.split(" ");
  const [id, parentId, device, root, mountPoint, options] = fields;
  const separator = fields.indexOf("-", 6);
  const [type, source, superOptions] = fields.slice(separator + 1);
  if (separator < 0 || root === undefined || mountPoint === undefined || superOptions === undefined) return undefined;
  return {
    id: Number(id),
    parentId: Number(parentId),
    device: device ?? "",
    root: unescapeField(root),
    mountPoint: unescapeField(mountPoint),
    options: (options ?? "").split(","),
    propagation: fields.slice(6, separator),
    type: unescapeField(type ?? ""),
    source: unescapeField(source ?? ""),
    superOptions: superOptions.split(",").map(unescapeField),
  };
}

/** The kernel writes space, tab, newline, backslash and "#" as three octal digits; names are UTF-8 by custom. */
function unescapeField(field: string): string {
  const bytes = field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
