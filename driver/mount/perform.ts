/**
 * Mounts as values become mounts in the kernel, in this process's mount namespace, and go away again.
 *
 * All calls are synchronous. Nothing here knows snapshots: it performs what mount.ts describes, whoever wrote it.
 */
import { readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import {
  AT_FDCWD,
  MNT_DETACH,
  MS_BIND,
  MS_REC,
  MS_REMOUNT,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  UMOUNT_NOFOLLOW,
} from "../sys/constants.ts";
import { closeFd, mount, openat, openat2, umount2 } from "../sys/linux.ts";
import { parseMountFlags } from "./mount-flags.ts";
import { mountOverlay } from "./mount-overlay.ts";
import type { Mount } from "./mount.ts";
import { mountsAt, mountsBelow } from "./mountinfo.ts";

/**
 * Performs `mounts` in order on `target`, an existing directory. All or nothing: when one fails, those before it are
 * undone. Overlays may have up to 500 lower directories and any characters in their paths.
 * @throws {StorageError} ERR_PERMISSION_DENIED; ERR_NOT_FOUND for a missing directory; ERR_INVALID_ARGUMENT for options
 * that contradict each other or a `target` of a mount that leaves the place; ERR_UNIMPLEMENTED for more layers than
 * this kernel can mount; ERR_UNKNOWN with `details.errno` for what else the kernel refuses.
 */
export function performMount(mounts: readonly Mount[], target: string): void {
  const done: string[] = [];
  try {
    for (const one of mounts) {
      const place = placeOf(one, target);
      mountOne(one, place);
      done.push(place);
    }
  } catch (error) {
    for (const place of done.reverse()) umount2(place, UMOUNT_NOFOLLOW | MNT_DETACH);
    throw asStorageError(error, `cannot mount on ${target}`);
  }
}

export interface UnmountOptions {
  /** Take the mount out of sight now and let it go when its last user does, instead of failing while it is in use. */
  readonly detach?: boolean;
}

/**
 * Removes everything mounted on `target`, stacked mounts included. Nothing mounted there, or no such path, is fine.
 * Waits up to a fifth of a second for a user that is just letting go.
 * @throws {StorageError} ERR_FAILED_PRECONDITION while it is in use; ERR_PERMISSION_DENIED.
 */
export function unmount(target: string, { detach = false }: UnmountOptions = {}): void {
  try {
    while (mountsAt(target).length > 0) unmountTop(target, UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0));
  } catch (error) {
    if (isErrno(error, "EBUSY")) {
      throw new StorageError("ERR_FAILED_PRECONDITION", `cannot unmount ${target}: it is in use`, { cause: error });
    }
    throw asStorageError(error, `cannot unmount ${target}`);
  }
}

/**
 * Takes everything out of sight that is mounted below the directory `path`, as a process that was killed leaves it.
 * False when nothing was.
 * @throws {StorageError} ERR_PERMISSION_DENIED.
 */
export function unmountBelow(path: string): boolean {
  const below = mountsBelow(path);
  try {
    for (const { mountPoint } of below.toReversed()) umount2(mountPoint, UMOUNT_NOFOLLOW | MNT_DETACH);
  } catch (error) {
    throw asStorageError(error, `cannot unmount what is below ${path}`);
  }
  return below.length > 0;
}

const busyRetries = 10;
const busyPauseMs = 20;

function unmountTop(target: string, flags: number): void {
  for (let attempt = 0; ; attempt++) {
    try {
      umount2(resolve(target), flags);
      return;
    } catch (error) {
      if (!isErrno(error, "EBUSY") || attempt === busyRetries) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyPauseMs);
    }
  }
}

function placeOf({ target: below }: Mount, target: string): string {
  if (below.split("/").includes("..")) {
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot mount on ${JSON.stringify(below)}: it leaves ${target}`);
  }
  return below === "" ? resolve(target) : resolveInside(resolve(target), below);
}

/** Symlinks on the way, which belong to the image, lead to places within `root`. */
function resolveInside(root: string, below: string): string {
  const rootFd = openat(AT_FDCWD, root, O_PATH | O_DIRECTORY);
  try {
    const fd = openat2(rootFd, below, { flags: O_PATH, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } finally {
      closeFd(fd);
    }
  } finally {
    closeFd(rootFd);
  }
}

function mountOne(one: Mount, place: string): void {
  const { flags, rest } = parseMountFlags(one.options);
  if (one.type === "overlay") mountOverlay(rest, flags, place);
  else if (one.type === "bind" || (flags & MS_BIND) !== 0) bind(one.source, flags, rest, place);
  else mount(one.source, place, one.type, flags, rest.join(","));
}

/** A bind mount takes the flags of its source; others, such as "ro", need a second call. */
function bind(source: string, flags: number, rest: readonly string[], place: string): void {
  if (rest.length > 0) {
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot bind ${source}: unknown option ${JSON.stringify(rest[0])}`);
  }
  mount(source, place, null, MS_BIND | (flags & MS_REC), null);
  const wanted = flags & ~(MS_BIND | MS_REC);
  if (wanted === 0) return;
  try {
    const inherited = parseMountFlags(mountsAt(place).at(-1)?.options ?? []).flags;
    mount(null, place, null, MS_REMOUNT | MS_BIND | wanted | inherited, null);
  } catch (error) {
    umount2(place, UMOUNT_NOFOLLOW | MNT_DETACH);
    throw error;
  }
}
