/** Containers' file systems that are written to at random, and what is made of the layers of it. */
import {
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { isErrno } from "../../driver/base/errors.ts";
import { BlobWriter } from "../../driver/diff/blob-writer.ts";
import type { DiffKind } from "../../driver/diff/changes.ts";
import { packLayer, type Packed } from "../../driver/diff/pack-layer.ts";
import { walkChanges } from "../../driver/diff/walk-changes.ts";
import { mergeSettled } from "../../driver/extract/merge-tree.ts";
import { writeOverlayMarks } from "../../driver/extract/overlay-marks.ts";
import type { LowerLayer } from "../../driver/extract/staged-layer.ts";
import { createHasher } from "../../driver/layer/digest-engine.ts";
import { MNT_DETACH, S_IFCHR, S_IFIFO, S_IFSOCK } from "../../driver/sys/constants.ts";
import { copyTree } from "../../driver/sys/copy-tree.ts";
import { AT_FDCWD, mknodat, mount, removexattrat, setxattrat, umount2 } from "../../driver/sys/linux.ts";
import { detectPrivileges } from "../../driver/sys/privileges.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { createCore } from "../../driver/wasm/core.ts";
import { settleTar } from "../suites/layer-stack.ts";
import { describeTree, readTree } from "../suites/model-tree.ts";

const core = createCore();
const privileges = detectPrivileges();

/** One thing a process does in a container. */
export type Step = (root: string) => void;

const names = fc.constantFrom("a", "b", "c", "d\xff");
const paths = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => Buffer.from(parts.join("/"), "latin1"));
// Parts of a second never twice: files of one size and such a time are taken for the same.
const times = fc.oneof(
  fc.constantFrom(1_400_000_000, 1_500_000_000, -3),
  fc.noBias(fc.nat(999_999)).map((microseconds) => 1_400_000_000 + microseconds / 1e6),
);

function at(root: string, path: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), path]);
}

/** A fifo does not make it wait. */
const writing = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK;

function write(path: Buffer, text: string): void {
  withFile(path, (fd) => {
    writeSync(fd, text);
  });
}

function withFile(path: Buffer, use: (fd: number) => void): void {
  const fd = openSync(path, writing);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}

/** linux/posix_acl_xattr.h: version 2, then tag, permissions and id of each entry, here rw- for all but the user named. */
function acl(uid: number, permissions: number): Buffer {
  const named = Buffer.alloc(8);
  named.writeUInt16LE(0x02, 0);
  named.writeUInt16LE(permissions, 2);
  named.writeUInt32LE(uid, 4);
  const ofAll = (tag: number): string => `${tag.toString(16).padStart(2, "0")}000600ffffffff`;
  return Buffer.concat([
    Buffer.from(`02000000${ofAll(0x01)}`, "hex"),
    named,
    Buffer.from(`${ofAll(0x04)}${ofAll(0x10)}${ofAll(0x20)}`, "hex"),
  ]);
}

const accessAcl = "system.posix_acl_access";
const defaultAcl = "system.posix_acl_default";

function setCapability(path: Buffer, number: number): void {
  const permitted = (number % 2 === 0 ? 0x2000 : 0x400).toString(16).padStart(4, "0");
  const capability = Buffer.from(`01000002${permitted.slice(2)}${permitted.slice(0, 2)}${"00".repeat(14)}`, "hex");
  setxattrat(AT_FDCWD, path, "security.capability", capability);
}

const onePath: readonly ((path: Buffer, number: number) => Step)[] = [
  (path, number) => (root) => {
    write(at(root, path), "x".repeat(number % 5));
  },
  (path, number) => (root) => {
    write(at(root, path), `${number % 2}`);
    utimesSync(at(root, path), 1_400_000_000, 1_400_000_000);
  },
  (path) => (root) => {
    mkdirSync(at(root, path));
  },
  (path) => (root) => {
    mkdirSync(at(root, path), { recursive: true });
  },
  (path) => (root) => {
    rmSync(at(root, path), { recursive: true });
  },
  // Deleted and made again: opaque to overlay.
  (path, number) => (root) => {
    rmSync(at(root, path), { recursive: true });
    mkdirSync(at(root, path));
    writeFileSync(Buffer.concat([at(root, path), Buffer.from("/a")]), `${number % 3}`);
  },
  (path, number) => (root) => {
    rmSync(at(root, path), { recursive: true });
    write(at(root, path), `${number}`);
  },
  (path, number) => (root) => {
    const target = at(root, path);
    if (!lstatSync(target).isSymbolicLink()) chmodSync(target, [0o700, 0o4755, 0o2751, 0o1777, 0o400][number % 5] ?? 0);
  },
  (path, number) => (root) => {
    lchownSync(at(root, path), number % 3, (number % 2) * 70_000);
  },
  (path, number) => (root) => {
    setxattrat(AT_FDCWD, at(root, path), `user.${number % 2}`, Buffer.from(`${number % 4}`));
  },
  (path, number) => (root) => {
    setCapability(at(root, path), number);
  },
  (path, number) => (root) => {
    setxattrat(AT_FDCWD, at(root, path), accessAcl, acl(1000 + (number % 2), number % 8));
  },
  // What is made inside from now on inherits it.
  (path, number) => (root) => {
    setxattrat(AT_FDCWD, at(root, path), defaultAcl, acl(1000 + (number % 2), number % 8));
  },
  (path, number) => (root) => {
    removexattrat(AT_FDCWD, at(root, path), [accessAcl, defaultAcl, "security.capability"][number % 3] ?? accessAcl);
  },
  (path, number) => (root) => {
    symlinkSync(["a", "/b/c", "../a", "nowhere"][number % 4] ?? "a", at(root, path));
  },
  (path, number) => (root) => {
    const type = [S_IFIFO, S_IFSOCK, S_IFCHR][number % 3] ?? S_IFIFO;
    mknodat(AT_FDCWD, at(root, path), type | 0o640, type === S_IFCHR ? 1 : 0, type === S_IFCHR ? 3 : 0);
  },
  (path, number) => (root) => {
    withFile(at(root, path), (fd) => {
      ftruncateSync(fd, 20_000 + number);
      writeSync(fd, "data", 9000);
    });
  },
  // Copied up, and otherwise as before.
  (path) => (root) => {
    closeSync(openSync(at(root, path), constants.O_RDWR | constants.O_NONBLOCK));
  },
];

export const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...onePath), paths, fc.nat(100))
      .map(([make, path, number]) => make(path, number)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(paths, times).map(([path, time]): Step => (root) => {
      if (!lstatSync(at(root, path)).isSymbolicLink()) utimesSync(at(root, path), time, time);
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(paths, paths, fc.boolean()).map(([from, to, isLink]): Step => (root) => {
      if (isLink) linkSync(at(root, from), at(root, to));
      else renameSync(at(root, from), at(root, to));
    }),
  },
);

/** A tree in which most steps find something to work on. */
export function furnish(root: string): void {
  for (const top of ["a", "b"]) {
    for (const middle of ["a", "b", "c"]) {
      mkdirSync(join(root, top, middle), { recursive: true });
      for (const name of ["a", "b"]) writeFileSync(join(root, top, middle, name), `${top}${middle}`);
    }
    writeFileSync(at(join(root, top), Buffer.from("d\xff", "latin1")), top);
  }
  writeFileSync(join(root, "c"), "c");
}

/** ACLs and capabilities where {@link furnish} has made files and directories. */
export function furnishAttributes(root: string): void {
  for (const [index, top] of ["a", "b"].entries()) {
    for (const path of [top, `${top}/b`, `${top}/c/a`]) {
      setxattrat(AT_FDCWD, join(root, path), accessAcl, acl(1000 + index, 7));
    }
    setxattrat(AT_FDCWD, join(root, top, "c"), defaultAcl, acl(1000 + index, 4));
    setCapability(Buffer.from(join(root, top, "b/a")), index);
  }
}

/** What fills the lowest layer, then what is written on top of it, generation by generation. */
export const histories: fc.Arbitrary<readonly (readonly Step[])[]> = fc.tuple(
  fc.array(steps, { maxLength: 15 }).map((first) => [furnish, ...first]),
  fc.array(steps, { minLength: 1, maxLength: 10 }),
  fc.array(steps, { minLength: 1, maxLength: 10 }),
);

/** What cannot be done is left out, as a shell script without -e would. */
export function play(root: string, history: readonly Step[]): void {
  for (const step of history) {
    try {
      step(root);
    } catch (error) {
      if (!(error instanceof Error) || !("errno" in error) || isErrno(error, "EIO", "ENOSPC")) throw error;
    }
  }
}

export interface PackedTar extends Packed {
  readonly tar: Buffer;
}

/** As createLayer does it, in this thread. */
export async function pack(kind: DiffKind, latestMtimeNs: bigint | null = null): Promise<PackedTar> {
  const dir = mkdtempSync(join(tmpdir(), "packed-"));
  try {
    const path = join(dir, "blob");
    writeFileSync(path, "");
    await using blob = new BlobWriter(path, {
      compression: "none",
      threads: 1,
      createHasher: () => createHasher("native", core),
      throwIfCanceled: () => undefined,
    });
    const packed = await packLayer(walkChanges(kind, privileges), blob, {
      overlayXattr: kind.type === "overlay" ? privileges.overlayXattr : null,
      latestMtimeNs,
    });
    await blob.finish();
    return { ...packed, tar: readFileSync(path) };
  } finally {
    removeTree(dir);
  }
}

/** An overlay of directories below one directory; disposing unmounts and removes all. */
export class Scene implements Disposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "diff-"));
  readonly #mounts: string[] = [];
  #count = 0;

  [Symbol.dispose](): void {
    for (const target of this.#mounts.reverse()) umount2(target, MNT_DETACH);
    removeTree(this.dir);
  }

  /** A new directory of mode 0755. */
  make(name: string): string {
    const path = join(this.dir, `${name}${this.#count++}`);
    mkdirSync(path);
    chmodSync(path, 0o755);
    return path;
  }

  /** Mounts directories, topmost first, over each other; writable when there is an upper directory. */
  overlay(lowers: readonly string[], upper?: string): string {
    const target = this.make("merged");
    const bottoms = upper === undefined ? [...lowers, this.make("nothing")] : lowers;
    const writable = upper === undefined ? "" : `,upperdir=${upper},workdir=${this.make("work")}`;
    const data = `lowerdir=${bottoms.join(":")}${writable},index=off,redirect_dir=off,metacopy=off`;
    mount("overlay", target, "overlay", 0, data);
    this.#mounts.push(target);
    return target;
  }

  unmount(target: string): void {
    umount2(target, 0);
    this.#mounts.splice(this.#mounts.indexOf(target), 1);
  }

  copy(of: string): string {
    const target = this.make("copy");
    copyTree(of, target, { privileges });
    return target;
  }

  /** What a layer on top of overlay directories shows. */
  appliedOverlay(lowers: readonly string[], tar: Uint8Array): string[] {
    const staging = join(this.dir, `staged${this.#count++}`);
    const { settled } = settleTar(staging, tar, lowers.map(layerAt));
    writeOverlayMarks(join(staging, "fs"), settled.whiteouts, settled.opaques, privileges);
    return linesOf(this.overlay([join(staging, "fs"), ...lowers]));
  }

  /** What a layer on top of a complete tree shows. */
  appliedCopy(lower: string, tar: Uint8Array): string[] {
    const staging = join(this.dir, `staged${this.#count++}`);
    const { settled } = settleTar(staging, tar, [layerAt(lower)]);
    const target = this.copy(lower);
    mergeSettled(target, settled, privileges);
    return linesOf(target);
  }
}

export function layerAt(dir: string): LowerLayer {
  return { dir, whiteouts: [], opaques: [] };
}

export function linesOf(dir: string): string[] {
  return describeTree(readTree(dir));
}

let aged = 0;

/** Gives all files mtimes of long ago, every other one in whole seconds, so that no change is as old as what it changes. */
export function age(dir: string): void {
  const visit = (path: Buffer): void => {
    const stat = lstatSync(path);
    if (stat.isDirectory()) {
      for (const name of readdirSync(path, { encoding: "buffer" }))
        visit(Buffer.concat([path, Buffer.from("/"), name]));
    }
    if (stat.isSymbolicLink()) return;
    aged++;
    if (stat.mtimeMs > 1_600_000_000_000) utimesSync(path, 1_300_000_000, 1_300_000_000 + aged / 2);
  };
  visit(Buffer.from(dir));
}
