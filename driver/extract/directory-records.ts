/** Directories get modes, ACLs and times only when the whole layer is laid: until then things are made inside them. */
import { isErrno, StorageError } from "../base/errors.ts";
import { rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_RDONLY } from "../sys/constants.ts";
import { closeFd, fchmod, utimensat } from "../sys/linux.ts";
import type { TarEntry } from "../tar/entry.ts";
import { isAcl, type AttributeWriter } from "./attributes.ts";
import { openBeneath } from "./beneath.ts";

/** An access and a default ACL of some entries are 100 bytes; a layer's must not fill memory. */
const maxAclBytes = 64 * 1024 * 1024;

/** Of the directories' paths, which may have 4095 bytes each and pack well. */
const maxPathBytes = 256 * 1024 * 1024;

interface DirectoryRecord {
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly acls: readonly (readonly [string, Uint8Array])[];
}

const none: DirectoryRecord["acls"] = [];

export class DirectoryRecords {
  readonly #records = new Map<RelPath, DirectoryRecord>();
  #aclBytes = 0;
  #pathBytes = 0;

  setImplied(path: RelPath, mtimeNs: bigint): void {
    this.#set(path, { mode: 0o755, mtimeNs, acls: none });
  }

  setExplicit(entry: TarEntry, path: RelPath): void {
    const acls = entry.xattrs.size === 0 ? none : Array.from(entry.xattrs).filter(([name]) => isAcl(name));
    for (const [, value] of acls) this.#aclBytes += value.length;
    if (this.#aclBytes > maxAclBytes) {
      throw new StorageError(
        "ERR_RESOURCE_EXHAUSTED",
        `cannot extract layer: the ACLs of its directories take more than ${maxAclBytes} bytes`,
      );
    }
    this.#set(path, { mode: entry.mode, mtimeNs: entry.mtimeNs, acls });
  }

  #set(path: RelPath, record: DirectoryRecord): void {
    if (!this.#records.has(path)) this.#pathBytes += path.length;
    if (this.#pathBytes > maxPathBytes) {
      throw new StorageError(
        "ERR_RESOURCE_EXHAUSTED",
        `cannot extract layer: the paths of its directories take more than ${maxPathBytes} bytes`,
      );
    }
    this.#records.set(path, record);
  }

  /** Children first, so that no mode keeps an ordinary user from reaching them. Records of what is gone are passed over. */
  apply(rootFd: number, writer: AttributeWriter): void {
    const paths = [...this.#records.keys()].sort().reverse();
    for (const path of paths) {
      const record = this.#records.get(path);
      if (record !== undefined) applyOne(rootFd, path, record, writer);
    }
  }
}

function applyOne(rootFd: number, path: RelPath, record: DirectoryRecord, writer: AttributeWriter): void {
  let fd: number;
  try {
    fd = openBeneath(rootFd, path, O_RDONLY | O_DIRECTORY);
  } catch (error) {
    if (path !== rootPath && isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return;
    throw error;
  }
  try {
    writer.aclsToDirectory(fd, record.acls, shownPath(path));
    fchmod(fd, record.mode);
    utimensat(fd, null, record.mtimeNs, record.mtimeNs);
  } finally {
    closeFd(fd);
  }
}
