/** A tar stream into a tree that is in use. */
import { StorageError, isErrno } from "../base/errors.ts";
import { baseOf, bytesOf, joinPath, parentOf, rootPath, shownPath, type RelPath } from "../base/path-bytes.ts";
import { AttributeWriter, isAcl } from "../extract/attributes.ts";
import { FileWriter } from "../extract/file-writer.ts";
import { Warnings } from "../extract/warnings.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFBLK, S_IFCHR, S_IFIFO, S_ISDIR } from "../sys/constants.ts";
import { inContext } from "../sys/in-context.ts";
import {
  closeFd,
  fchmod,
  fchmodat,
  fstat,
  fstatat,
  linkat,
  mkdirat,
  mknodat,
  openat,
  renameat2,
  symlinkat,
  tryFstatat,
  unlinkat,
  utimensat,
} from "../sys/linux.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { TarEntry, TarHandler } from "../tar/entry.ts";
import type { Directory, PlacedMount, RootedTree } from "./rooted-tree.ts";
import { Workshop } from "./workshop.ts";

export interface UnpackOptions {
  readonly tree: RootedTree;
  /** Free of symlinks; the directory that names are relative to. */
  readonly at: RelPath;
  /**
   * "kept": all that the entries say. "theirs": all belongs to root, if we may give it away. "ours": to whoever we are.
   * A file that changes hands loses what its owner's trust gave it: setuid, setgid, capabilities and ACLs.
   */
  readonly owner: "kept" | "theirs" | "ours";
  readonly privileges: Privileges;
}

/**
 * Lays entries down as Docker's `cp` does: over a directory only a directory, over anything else anything but a
 * directory. Each file is made in a hidden directory that only we may enter and moved to its place when it is whole, so
 * that nothing half appears, no symlink in its place is followed and nobody can take its place meanwhile. Parents that
 * are missing are made; symlinks among them lead where they lead in the tree. The entry of the root says nothing.
 *
 * Call {@link finish} at the end, and dispose of it in any case.
 */
export class TreeUnpacker implements TarHandler, Disposable {
  readonly #options: UnpackOptions;
  readonly #warnings = new Warnings();
  readonly #attributes: AttributeWriter;
  /** One a mount, as files cannot move between them. */
  readonly #workshops = new Map<PlacedMount | undefined, Workshop>();
  readonly #directories: { readonly entry: TarEntry; readonly devIno: string }[] = [];
  #parent: { readonly path: RelPath; readonly directory: Directory } | undefined;
  #file: FileWriter | undefined;
  #place: (() => void) | undefined;

  constructor(options: UnpackOptions) {
    this.#options = options;
    const canChown = options.owner !== "ours" && options.privileges.canChown;
    this.#attributes = new AttributeWriter({ ...options.privileges, canChown }, this.#warnings);
  }

  /** What could not be kept, for people. */
  get warnings(): readonly string[] {
    const isSaid = (text: string): boolean => this.#options.owner === "kept" || !text.startsWith("owners are not kept");
    return this.#warnings.list().filter(isSaid);
  }

  entry(said: TarEntry): void {
    if (said.path === rootPath) return;
    const entry = this.#adjusted(said);
    try {
      this.#begin(entry);
    } catch (error) {
      throw inContext(error, `cannot write ${shownPath(entry.path)}`);
    }
  }

  data(bytes: Uint8Array): void {
    const file = this.#file;
    try {
      file?.write(bytes);
    } catch (error) {
      throw inContext(error, `cannot write ${shownPath(file?.entry.path ?? "")}`);
    }
  }

  endOfEntry(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      file.finish((fd) => {
        this.#attributes.toFile(fd, file.entry);
      });
      this.#place?.();
    } catch (error) {
      throw inContext(error, `cannot write ${shownPath(file.entry.path)}`);
    }
  }

  /** Gives directories their modes and times, which what was put into them has changed. */
  finish(): void {
    this.#clearWorkshops();
    for (const { entry, devIno } of this.#directories.reverse()) {
      using parent = this.#resolveParent(entry.path);
      let fd: number;
      try {
        fd = openat(parent.fd, bytesOf(baseOf(entry.path)), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      } catch (error) {
        if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) continue;
        throw inContext(error, `cannot finish ${shownPath(entry.path)}`);
      }
      try {
        // Whoever has put another directory there keeps it as it is.
        if (fstat(fd).devIno !== devIno) continue;
        this.#attributes.toDirectory(fd, ".", entry, true);
        this.#attributes.aclsToDirectory(
          fd,
          [...entry.xattrs].filter(([name]) => isAcl(name)),
          shownPath(entry.path),
        );
        fchmod(fd, entry.mode);
        utimensat(fd, null, entry.mtimeNs, entry.mtimeNs);
      } finally {
        closeFd(fd);
      }
    }
    this.#directories.length = 0;
  }

  [Symbol.dispose](): void {
    this.#file?.abandon();
    this.#parent?.directory[Symbol.dispose]();
    this.#clearWorkshops();
  }

  #clearWorkshops(): void {
    for (const workshop of this.#workshops.values()) workshop[Symbol.dispose]();
    this.#workshops.clear();
  }

  #adjusted(entry: TarEntry): TarEntry {
    if (this.#options.owner === "kept") return entry;
    const isPersonal = (name: string): boolean => name === "security.capability" || isAcl(name);
    const xattrs = new Map([...entry.xattrs].filter(([name]) => !isPersonal(name)));
    const lost = entry.type === "directory" ? 0 : 0o6000;
    return { ...entry, uid: 0, gid: 0, mode: entry.mode & ~lost, xattrs };
  }

  #begin(entry: TarEntry): void {
    const parent = this.#parentOf(entry.path);
    const name = baseOf(entry.path);
    if (parent.mount?.readonly === true) {
      throw new StorageError("ERR_PERMISSION_DENIED", `${parent.mount.target} is mounted read-only`);
    }
    if (entry.type === "directory") {
      this.#makeDirectory(parent, name, entry);
      return;
    }
    const there = tryFstatat(parent.fd, bytesOf(name));
    if (there !== undefined && S_ISDIR(there.mode)) {
      throw new StorageError("ERR_ALREADY_EXISTS", "cannot overwrite a directory with a non-directory");
    }
    if (this.#options.tree.mountAt(joinPath(parent.path, name)) !== undefined) {
      throw new StorageError("ERR_FAILED_PRECONDITION", "a file of the host is mounted there");
    }
    const workshop = this.#workshopFor(parent);
    const place = (): void => {
      renameat2(workshop.fd, Workshop.name, parent.fd, bytesOf(name));
    };
    if (entry.type === "file") {
      this.#file = new FileWriter(workshop.create(), entry);
      this.#place = place;
      return;
    }
    if (entry.type === "hardlink") this.#link(entry, workshop);
    else if (!this.#makeNode(entry, workshop)) return;
    if (entry.type !== "hardlink") this.#attributes.toNode(workshop.fd, Workshop.name, entry);
    else if (isSameFile(workshop, parent, name)) {
      // Renaming one link of a file over another does nothing.
      unlinkat(workshop.fd, Workshop.name);
      return;
    }
    place();
    // What was known of paths may be wrong now.
    if (entry.type === "symlink") this.#forgetParent();
  }

  #makeDirectory(parent: Directory, name: string, entry: TarEntry): void {
    const at = bytesOf(name);
    try {
      mkdirat(parent.fd, at, 0o700);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
    const stat = fstatat(parent.fd, at);
    if (!S_ISDIR(stat.mode)) {
      throw new StorageError("ERR_ALREADY_EXISTS", "cannot overwrite a non-directory with a directory");
    }
    if (this.#options.tree.mountAt(joinPath(parent.path, name)) === undefined) {
      this.#directories.push({ entry, devIno: stat.devIno });
    }
  }

  /** False for a device that we may not make. */
  #makeNode(entry: TarEntry, workshop: Workshop): boolean {
    workshop.clear();
    if (entry.type === "symlink") {
      symlinkat(bytesOf(entry.linkTarget), workshop.fd, Workshop.name);
      return true;
    }
    const kind = entry.type === "fifo" ? S_IFIFO : entry.type === "char-device" ? S_IFCHR : S_IFBLK;
    if (kind === S_IFCHR && entry.devMajor === 0 && entry.devMinor === 0) {
      throw new StorageError("ERR_INVALID_ARGUMENT", "a character device 0:0 means a deletion to an overlay");
    }
    try {
      mknodat(workshop.fd, Workshop.name, kind | 0o600, entry.devMajor, entry.devMinor);
      return true;
    } catch (error) {
      if (!isErrno(error, "EPERM")) throw error;
      this.#warnings.add(`device ${shownPath(entry.path)} is left out: this process may not make devices`);
      return false;
    }
  }

  #link({ linkTarget }: TarEntry, workshop: Workshop): void {
    workshop.clear();
    using from = this.#resolveParent(linkTarget as RelPath);
    try {
      linkat(from.fd, bytesOf(baseOf(linkTarget as RelPath)), workshop.fd, Workshop.name);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "EXDEV", "EPERM")) throw error;
      throw inContext(error, `cannot link it to ${shownPath(linkTarget)}`);
    }
  }

  #workshopFor(parent: Directory): Workshop {
    const known = this.#workshops.get(parent.mount);
    if (known !== undefined) return known;
    const made = new Workshop(parent.again());
    this.#workshops.set(parent.mount, made);
    return made;
  }

  /** Stays this unpacker's and open until the next call. */
  #parentOf(path: RelPath): Directory {
    const wanted = parentOf(path);
    if (this.#parent?.path === wanted) return this.#parent.directory;
    this.#forgetParent();
    const directory = this.#resolveParent(path);
    this.#parent = { path: wanted, directory };
    return directory;
  }

  #forgetParent(): void {
    this.#parent?.directory[Symbol.dispose]();
    this.#parent = undefined;
  }

  #resolveParent(path: RelPath): Directory {
    const { tree, at } = this.#options;
    const found = tree.resolve(`${at}/${parentOf(path)}`, {
      followsLast: true,
      make: (parent, name) => {
        if (parent.mount?.readonly === true) {
          throw new StorageError("ERR_PERMISSION_DENIED", `${parent.mount.target} is mounted read-only`);
        }
        try {
          mkdirat(parent.fd, bytesOf(name), 0o755);
          fchmodat(parent.fd, bytesOf(name), 0o755);
        } catch (error) {
          if (!isErrno(error, "EEXIST")) throw error;
        }
      },
    });
    if (found.kind === "directory") return found.directory;
    found.parent[Symbol.dispose]();
    throw new StorageError("ERR_FAILED_PRECONDITION", `${shownPath(parentOf(path))} is not a directory`);
  }
}

function isSameFile(workshop: Workshop, parent: Directory, name: string): boolean {
  return fstatat(workshop.fd, Workshop.name).devIno === tryFstatat(parent.fd, bytesOf(name))?.devIno;
}
