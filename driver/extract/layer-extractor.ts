/** Lays the entries of one layer's tar below a staging root, and notes what the lower layers will have to settle. */
import { asStorageError, assertNever, isErrno, StorageError } from "../base/errors.ts";
import { baseOf, bytesOf, joinPath, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, S_IFBLK, S_IFCHR, S_IFIFO, S_ISDIR } from "../sys/constants.ts";
import { closeFd, linkat, mknodat, openat, symlinkat, tryFstatat, type PathLike } from "../sys/linux.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { TarEntry, TarHandler } from "../tar/entry.ts";
import { AttributeWriter } from "./attributes.ts";
import { maxPathBytes, syscallPath } from "./beneath.ts";
import { isAufsLinkTarget, meaningOf } from "./entry-names.ts";
import { FileWriter } from "./file-writer.ts";
import { asInvalidEntry, ParentResolver, UnresolvablePath } from "./parent-resolver.ts";
import type { LayerNotes, Redirect, Usage } from "./staged-layer.ts";
import { StagedTree, type Directory } from "./staged-tree.ts";
import { Warnings } from "./warnings.ts";

export interface ExtractOptions {
  readonly privileges: Privileges;
  /** From earlier settlings of this layer, all of them. */
  readonly redirects?: readonly Redirect[];
}

/**
 * A handler of a tar stream. One writer, one layer: the root must be an empty directory that nobody else can reach.
 *
 * Nothing outside the root is touched whatever the tar says, and nothing is laid that the kernel would take for a mark
 * of overlay: no char device 0:0, no *.overlay.* attribute. What this process has no privilege for is left out with a
 * warning: owners, devices (which then still hide what lower layers have in their place), some extended attributes.
 *
 * Its methods throw StorageError: ERR_INVALID_ARGUMENT for an entry that means nothing safe; ERR_RESOURCE_EXHAUSTED for
 * a full disk or a layer that implies too much; ERR_UNIMPLEMENTED for hard links into AUFS's bookkeeping.
 */
export class LayerExtractor implements TarHandler {
  readonly #privileges: Privileges;
  readonly #warnings = new Warnings();
  readonly #writer: AttributeWriter;
  readonly #tree: StagedTree;
  readonly #redirects: ReadonlyMap<RelPath, RelPath>;
  readonly #resolver: ParentResolver;
  #file: FileWriter | undefined;
  #hasRoot = false;
  #isClosed = false;

  /** `rootDir` exists, is empty and private. */
  constructor(rootDir: string, options: ExtractOptions) {
    this.#privileges = options.privileges;
    this.#writer = new AttributeWriter(options.privileges, this.#warnings);
    this.#tree = new StagedTree(rootDir, this.#writer);
    this.#redirects = new Map((options.redirects ?? []).map(({ from, to }) => [from, to]));
    this.#resolver = new ParentResolver(this.#tree, this.#redirects);
  }

  entry(entry: TarEntry): void {
    const meaning = meaningOf(entry);
    switch (meaning.kind) {
      case "content":
        this.#lay(entry);
        return;
      case "whiteout":
        this.#tree.notes.addWhiteout(meaning.path);
        return;
      case "opaque":
        this.#tree.notes.addOpaque(meaning.path);
        return;
      case "metadata":
        return;
      default:
        assertNever(meaning);
    }
  }

  data(bytes: Uint8Array): void {
    if (this.#file === undefined) return;
    try {
      this.#file.write(bytes);
    } catch (error) {
      throw failedEntry(this.#file.entry, error);
    }
  }

  endOfEntry(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      file.finish((fd) => {
        this.#writer.toFile(fd, file.entry);
      });
      this.#tree.countContent(file.contentBytes);
    } catch (error) {
      throw failedEntry(file.entry, error);
    }
  }

  /**
   * Gives directories their modes and times. To be called once, after the last entry, and before close.
   * @throws {StorageError} by errno.
   */
  finish(): { notes: LayerNotes; usage: Usage; warnings: readonly string[] } {
    try {
      return { ...this.#tree.finish(), warnings: this.#warnings.list() };
    } catch (error) {
      throw asStorageError(error, "cannot finish extracting layer");
    }
  }

  /** Gives back all descriptors; the tree stays as it is. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#file?.abandon();
    this.#file = undefined;
    this.#resolver.forget();
    this.#tree.close();
  }

  #lay(entry: TarEntry): void {
    try {
      if (!this.#hasRoot) {
        this.#hasRoot = true;
        this.#tree.implyRoot(entry.mtimeNs);
      }
      if (entry.path === rootPath) {
        this.#layRoot(entry);
        return;
      }
      const parent = this.#resolver.parentOf(entry.path, entry.mtimeNs);
      const name = baseOf(entry.path);
      const path = joinPath(parent.path, name);
      if (path.length > maxPathBytes) throw new UnresolvablePath(`it leads to more than ${maxPathBytes} bytes of path`);
      // Entries went elsewhere than to this path until now.
      if (this.#redirects.has(path)) this.#resolver.markStale();
      if (entry.type === "directory") {
        this.#tree.layDirectory(parent, name, entry);
      } else if (entry.type === "hardlink") {
        this.#layLink(parent, name, path, entry);
      } else {
        this.#layLeaf(parent, name, path, entry);
      }
    } catch (error) {
      if (!(error instanceof UnresolvablePath)) throw failedEntry(entry, error);
      this.#tree.notes.fail(asInvalidEntry(entry.path, "extract", error.message).message);
    }
  }

  #layRoot(entry: TarEntry): void {
    if (entry.type !== "directory") {
      throw new StorageError("ERR_INVALID_ARGUMENT", `the root can only be a directory, not a ${entry.type}`);
    }
    this.#tree.layDirectory(this.#tree.root, ".", entry);
  }

  #layLeaf(parent: Directory, name: string, path: RelPath, entry: TarEntry): void {
    const at = syscallPath(name);
    const isDevice = entry.type === "char-device" || entry.type === "block-device";
    if (entry.type === "char-device" && entry.devMajor === 0 && entry.devMinor === 0) {
      throw new StorageError("ERR_INVALID_ARGUMENT", "a character device 0:0 would be a whiteout to overlay");
    }
    if (isDevice && !this.#privileges.canMknod) {
      this.#warnings.add("devices are left out: this process may not make them");
      this.#tree.remove(parent, name);
      this.#tree.notes.addLeaf(path);
      this.#tree.notes.addWhiteout(path);
      return;
    }
    this.#replacing(parent, name, () => {
      this.#make(parent.fd, at, entry);
    });
    this.#tree.notes.addLeaf(path);
    this.#tree.count(0);
    if (entry.type !== "file") this.#writer.toNode(parent.fd, at, entry);
  }

  #make(dirfd: number, at: PathLike, entry: TarEntry): void {
    switch (entry.type) {
      case "file":
        this.#file = new FileWriter(openat(dirfd, at, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600), entry);
        return;
      case "symlink":
        if (entry.linkTarget === "") throw new StorageError("ERR_INVALID_ARGUMENT", "a symlink needs a target");
        symlinkat(bytesOf(entry.linkTarget), dirfd, at);
        return;
      case "char-device":
        mknodat(dirfd, at, S_IFCHR | 0o600, entry.devMajor, entry.devMinor);
        return;
      case "block-device":
        mknodat(dirfd, at, S_IFBLK | 0o600, entry.devMajor, entry.devMinor);
        return;
      case "fifo":
        mknodat(dirfd, at, S_IFIFO | 0o600);
        return;
      case "directory":
      case "hardlink":
        throw new TypeError("laid elsewhere");
      default:
        assertNever(entry.type);
    }
  }

  /** No metadata: a link's own header repeats its target's, and changing modes through links has let images out. */
  #layLink(parent: Directory, name: string, path: RelPath, entry: TarEntry): void {
    const target = entry.linkTarget as RelPath;
    if (isAufsLinkTarget(target)) {
      throw new StorageError(
        "ERR_UNIMPLEMENTED",
        `its target ${shownPath(target)} is AUFS's own, which is not supported`,
      );
    }
    const place = this.#resolver.lookUpParentOf(target);
    const targetPath = joinPath(typeof place === "string" ? place : place.path, baseOf(target));
    if (target === rootPath || targetPath === path) throw new UnresolvablePath("a link to itself or to the root");
    const known = this.#tree.notes.lowerTargetOf(targetPath);
    const stat = typeof place === "string" ? undefined : tryFstatat(place.fd, syscallPath(baseOf(target)));
    const isOwn = stat !== undefined && !this.#tree.notes.isImplied(targetPath);
    if (typeof place === "string" || known !== undefined || !isOwn) {
      this.#layLowerLink(parent, name, path, known ?? targetPath);
      return;
    }
    if (S_ISDIR(stat.mode)) throw new UnresolvablePath(`its target ${shownPath(target)} is a directory`);
    if (targetPath.startsWith(`${path}/`)) {
      throw new UnresolvablePath(`its target ${shownPath(target)} is below it and goes`);
    }
    this.#replacing(parent, name, () => {
      linkat(place.fd, syscallPath(baseOf(target)), parent.fd, syscallPath(name));
    });
    this.#tree.notes.addLeaf(path);
  }

  #layLowerLink(parent: Directory, name: string, path: RelPath, target: RelPath): void {
    this.#replacing(parent, name, () => {
      closeFd(openat(parent.fd, syscallPath(name), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600));
    });
    this.#tree.notes.addLeaf(path);
    this.#tree.notes.addLowerLink(path, target);
  }

  /** Runs `make` again when something was there, once that is removed. */
  #replacing(parent: Directory, name: string, make: () => void): void {
    try {
      make();
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
      this.#tree.remove(parent, name);
      make();
    }
  }
}

function failedEntry(entry: TarEntry, error: unknown): StorageError {
  const context = `cannot extract ${shownPath(entry.path)}`;
  if (error instanceof StorageError) {
    if (error.message.startsWith("cannot ")) return error;
    return new StorageError(error.code, `${context}: ${error.message}`, { details: error.details, cause: error });
  }
  if (isErrno(error, "ENAMETOOLONG", "EINVAL", "ERANGE", "E2BIG")) {
    return new StorageError("ERR_INVALID_ARGUMENT", `${context}: ${(error as Error).message}`, { cause: error });
  }
  return asStorageError(error, context);
}
