/** The shape in which trees are compared, whether they are a model's or on disk: one line a path. */
import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { latin1Of, rootPath, type RelPath } from "../../driver/base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFMT } from "../../driver/sys/constants.ts";
import {
  AT_FDCWD,
  closeFd,
  fstatat,
  getxattrat,
  listxattrat,
  openat,
  readdir,
  readlinkat,
  type Stat,
} from "../../driver/sys/linux.ts";

export type NodeType = "file" | "directory" | "symlink" | "char-device" | "block-device" | "fifo";

export interface ModelInode {
  readonly type: NodeType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** Values as latin1. */
  readonly xattrs: ReadonlyMap<string, string>;
  /** Of a file its bytes, of a symlink its target, as latin1; of a device "major:minor". */
  readonly payload: string;
}

/** Paths that hold the same object are hard links. */
export type ModelTree = ReadonlyMap<RelPath, ModelInode>;

/** Sorted by the bytes of the paths; equal for trees that are the same in all that a layer can say. */
export function describeTree(tree: ModelTree): string[] {
  const groups = new Map<ModelInode, RelPath>();
  const isShared = new Map<ModelInode, boolean>();
  for (const path of [...tree.keys()].sort()) {
    const inode = tree.get(path) as ModelInode; // a key of the map
    if (inode.type === "directory") continue;
    isShared.set(inode, groups.has(inode));
    if (!groups.has(inode)) groups.set(inode, path);
  }
  return [...tree.keys()].sort().map((path) => {
    const inode = tree.get(path) as ModelInode; // a key of the map
    const first = isShared.get(inode) === true ? ` links(${groups.get(inode) ?? ""})` : "";
    return `${path === rootPath ? "." : path} ${describe(inode)}${first}`;
  });
}

function describe(inode: ModelInode): string {
  const { type, mode, uid, gid, mtimeNs, xattrs, payload } = inode;
  const shownMode = type === "symlink" ? "" : ` ${mode.toString(8)}`;
  const shownXattrs = [...xattrs].sort().map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const shownPayload =
    payload.length > 60 ? `sha256(${createHash("sha256").update(payload, "latin1").digest("hex")})` : payload;
  const body = type === "directory" ? "" : ` ${JSON.stringify(shownPayload)}`;
  return `${type}${shownMode} ${uid}:${gid} ${mtimeNs}${shownXattrs.join("")}${body}`;
}

/**
 * What is on disk below `dir`, by names as bytes. Marks and attributes that belong to the host are left out, and so are
 * sockets, which no layer can say.
 */
export function readTree(dir: string): ModelTree {
  const tree = new Map<RelPath, ModelInode>();
  const inodes = new Map<string, ModelInode>();
  const visit = (dirfd: number, name: string, path: RelPath): void => {
    const at = Buffer.from(name, "latin1");
    const stat = fstatat(dirfd, at);
    const known = inodes.get(stat.devIno);
    const inode = known ?? inodeAt(dirfd, at, stat);
    tree.set(path, inode);
    if (inode.type !== "directory") {
      inodes.set(stat.devIno, inode);
      return;
    }
    const fd = openat(dirfd, at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      for (const child of readdir(fd)) {
        if (child.type === "socket") continue;
        visit(fd, child.name, (path === rootPath ? child.name : `${path}/${child.name}`) as RelPath);
      }
    } finally {
      closeFd(fd);
    }
  };
  const rootFd = openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
  try {
    visit(rootFd, ".", rootPath);
  } finally {
    closeFd(rootFd);
  }
  return tree;
}

const typeByBits: Readonly<Record<number, NodeType>> = {
  0o100000: "file",
  0o040000: "directory",
  0o120000: "symlink",
  0o020000: "char-device",
  0o060000: "block-device",
  0o010000: "fifo",
};

function inodeAt(dirfd: number, at: Buffer, stat: Stat): ModelInode {
  const type = typeByBits[stat.mode & S_IFMT];
  if (type === undefined) throw new TypeError(`unexpected type of ${at.toString()}: ${stat.mode.toString(8)}`);
  const xattrs = new Map<string, string>();
  for (const name of listxattrat(dirfd, at)) {
    const value = getxattrat(dirfd, at, name);
    if (isHostOwned(name) || value === undefined) continue;
    xattrs.set(name, value.toString("latin1"));
  }
  const { uid, gid, mtimeNs } = stat;
  const mode = type === "symlink" ? 0 : stat.mode & 0o7777;
  return { type, mode, uid, gid, mtimeNs, xattrs, payload: payloadOf(dirfd, at, type, stat) };
}

function isHostOwned(name: string): boolean {
  return name.startsWith("trusted.") || name.startsWith("user.overlay.") || name === "security.selinux";
}

function payloadOf(dirfd: number, at: Buffer, type: NodeType, stat: Stat): string {
  switch (type) {
    case "symlink":
      return latin1Of(readlinkat(dirfd, at));
    case "char-device":
    case "block-device":
      return `${stat.rdevMajor}:${stat.rdevMinor}`;
    case "file":
      return contentOf(dirfd, at, stat.size);
    default:
      return "";
  }
}

function contentOf(dirfd: number, at: Buffer, sizeBytes: number): string {
  const fd = openat(dirfd, at, O_RDONLY | O_NOFOLLOW);
  try {
    const bytes = Buffer.alloc(sizeBytes);
    for (let filled = 0; filled < sizeBytes;) {
      const got = readSync(fd, bytes, filled, sizeBytes - filled, filled);
      if (got === 0) throw new Error("file ended early");
      filled += got;
    }
    return bytes.toString("latin1");
  } finally {
    closeFd(fd);
  }
}
