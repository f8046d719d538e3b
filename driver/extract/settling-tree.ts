/** A staged tree while it is being settled: what is added to it, and what that takes. */
import { join } from "node:path";
import { baseOf, parentOf, rootPath, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../sys/constants.ts";
import { copyAttributes, copyNode } from "../sys/copy-file.ts";
import { AT_FDCWD, closeFd, linkat, mkdirat, openat, renameat2, unlinkat } from "../sys/linux.ts";
import type { Privileges } from "../sys/privileges.ts";
import { statBeneath, syscallPath } from "./beneath.ts";
import { editDirectory, openDirectory } from "./edit-directory.ts";
import type { LowerNode, LowerView } from "./lower-view.ts";
import type { Usage, VerifiedLayer } from "./staged-layer.ts";
import { allocatedBytesOf, directoryBytes } from "./usage.ts";

/** A place in the staged tree that is to become a copy of a lower file. */
export interface LinkCopy {
  readonly path: RelPath;
  readonly source: LowerNode;
}

/** Beside fs/ in the staging directory, so that nothing is inherited from where the copy goes. */
const copyName = "copy";

export class SettlingTree implements Disposable {
  /** Of the staged root, O_PATH. */
  readonly fd: number;
  readonly #stagingFd: number;
  readonly #lower: LowerView;
  readonly #privileges: Privileges;
  #inodes: number;
  #sizeBytes: number;

  constructor(layer: VerifiedLayer, lower: LowerView, privileges: Privileges) {
    this.#stagingFd = openat(AT_FDCWD, layer.stagingDir, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    try {
      this.fd = openat(AT_FDCWD, join(layer.stagingDir, "fs"), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    } catch (error) {
      closeFd(this.#stagingFd);
      throw error;
    }
    this.#lower = lower;
    this.#privileges = privileges;
    this.#inodes = layer.usage.inodes;
    this.#sizeBytes = layer.usage.sizeBytes;
  }

  get usage(): Usage {
    return { inodes: this.#inodes, sizeBytes: this.#sizeBytes };
  }

  /** Replaces owner, mode, times and extended attributes of the directory at `path` by those of a lower one. */
  copyAttributesOf(node: LowerNode, path: RelPath): void {
    const source = this.#lower.openDirectoryOf(node);
    try {
      const target = openDirectory(this.fd, path);
      try {
        copyAttributes(source, target, { privileges: this.#privileges }, node.stat);
      } finally {
        closeFd(target);
      }
    } finally {
      closeFd(source);
    }
  }

  /** Makes a directory that lower layers have, and its parents, with the attributes they have there. */
  ensureDirectory(path: RelPath): void {
    const missing: RelPath[] = [];
    for (let at = path; at !== rootPath && statBeneath(this.fd, at) === undefined; at = parentOf(at)) missing.push(at);
    for (const at of missing.reverse()) {
      editDirectory(this.fd, parentOf(at), (parent) => {
        mkdirat(parent, syscallPath(baseOf(at)), 0o700);
      });
      this.#inodes++;
      this.#sizeBytes += directoryBytes;
      const node = this.#lower.lookup(at);
      if (node === undefined) throw new TypeError(`no lower directory ${at}`);
      this.copyAttributesOf(node, at);
    }
  }

  /** Puts copies in their places; places of one source become links. Returns those that need a missing privilege. */
  copyLinks(links: readonly LinkCopy[]): RelPath[] {
    const copies = new Map<RelPath, RelPath>();
    const impossible: RelPath[] = [];
    for (const { path, source } of links) {
      const copy = copies.get(source.path);
      editDirectory(this.fd, parentOf(path), (parent) => {
        const at = syscallPath(baseOf(path));
        if (copy !== undefined) {
          unlinkat(parent, at);
          linkat(this.fd, syscallPath(copy), parent, at);
        } else if (this.#copy(source)) {
          renameat2(this.#stagingFd, copyName, parent, at);
          copies.set(source.path, path);
        } else {
          unlinkat(parent, at);
          impossible.push(path);
        }
      });
    }
    return impossible;
  }

  #copy(source: LowerNode): boolean {
    const isCopied = this.#lower.withParent(source, (dirfd, name) =>
      copyNode(dirfd, syscallPath(name), this.#stagingFd, copyName, { privileges: this.#privileges }),
    );
    if (!isCopied) return false;
    this.#inodes++;
    this.#sizeBytes += allocatedBytesOf(source.stat);
    return true;
  }

  [Symbol.dispose](): void {
    closeFd(this.fd);
    closeFd(this.#stagingFd);
  }
}
