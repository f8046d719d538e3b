/** mount(2) and the calls that took its place, which also tell why a mount failed. */
import { Buffer } from "node:buffer";
import { readSync } from "node:fs";
import { addon } from "./addon.ts";
import { AT_FDCWD } from "./constants.ts";
import { check, systemCallError } from "./errno.ts";
import type { PathLike } from "./path-like.ts";

const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_SET_FD = 5;
const FSCONFIG_CMD_CREATE = 6;
const FSCONFIG_CMD_RECONFIGURE = 7;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const OPEN_TREE_CLOEXEC = 0o2000000;

/** The classic call. `data` is at most 4095 bytes. */
export function mount(
  source: PathLike | null,
  target: PathLike,
  type: string | null,
  flags: number,
  data: PathLike | null,
): void {
  check(addon.mount(source, target, type, flags, data), "mount", target);
}

export function umount2(target: PathLike, flags = 0): void {
  check(addon.umount2(target, flags), "umount2", target);
}

/** A new file system context: configure it, then {@link fsconfigCreate} and {@link fsmount}. The caller closes it. */
export function fsopen(type: string): number {
  return check(addon.fsopen(type, FSOPEN_CLOEXEC), "fsopen", type);
}

/**
 * Sets one option, such as "lowerdir+". Errors carry what the kernel has logged on the context.
 * The kernel takes at most 255 bytes of `value` here: name a longer path as /proc/self/fd/N.
 */
export function fsconfigString(fsFd: number, key: string, value: PathLike): void {
  checkContext(fsFd, addon.fsconfig(fsFd, FSCONFIG_SET_STRING, key, value, 0), "fsconfig", key);
}

export function fsconfigFlag(fsFd: number, key: string): void {
  checkContext(fsFd, addon.fsconfig(fsFd, FSCONFIG_SET_FLAG, key, null, 0), "fsconfig", key);
}

/** An option whose value is an open file; overlayfs takes its directories so from Linux 6.13 on. */
export function fsconfigFd(fsFd: number, key: string, fd: number): void {
  checkContext(fsFd, addon.fsconfig(fsFd, FSCONFIG_SET_FD, key, null, fd), "fsconfig", key);
}

export function fsconfigCreate(fsFd: number): void {
  checkContext(fsFd, addon.fsconfig(fsFd, FSCONFIG_CMD_CREATE, null, null, 0), "fsconfig", "create");
}

export function fsconfigReconfigure(fsFd: number): void {
  checkContext(fsFd, addon.fsconfig(fsFd, FSCONFIG_CMD_RECONFIGURE, null, null, 0), "fsconfig", "reconfigure");
}

/** The created file system as a mount that is nowhere yet; `attributes` of MOUNT_ATTR_*. The caller closes it. */
export function fsmount(fsFd: number, attributes = 0): number {
  const result = addon.fsmount(fsFd, FSMOUNT_CLOEXEC, attributes);
  checkContext(fsFd, result, "fsmount", null);
  return result;
}

/** Puts the mount that is `mountFd` (of {@link fsmount} or {@link openTree}) at `target`. */
export function moveMount(mountFd: number, target: PathLike, targetDirfd: number = AT_FDCWD): void {
  check(addon.moveMount(mountFd, "", targetDirfd, target, MOVE_MOUNT_F_EMPTY_PATH), "move_mount", target);
}

/** With OPEN_TREE_CLONE a bind mount that is nowhere yet, else like O_PATH. The caller closes it. */
export function openTree(dirfd: number, path: PathLike, flags = 0): number {
  return check(addon.openTree(dirfd, path, flags | OPEN_TREE_CLOEXEC), "open_tree", path);
}

function checkContext(fsFd: number, result: number, syscall: string, key: string | null): void {
  if (result >= 0) return;
  const messages = contextMessages(fsFd);
  throw systemCallError(result, syscall, key, messages.length === 0 ? undefined : messages.join("; "));
}

/** What the kernel has logged on a context since the last call, without the "e ", "w " or "i " before each. */
function contextMessages(fsFd: number): string[] {
  const messages: string[] = [];
  const buffer = Buffer.allocUnsafe(1024);
  for (;;) {
    try {
      const length = readSync(fsFd, buffer);
      if (length <= 0) return messages;
      messages.push(buffer.toString("utf8", 0, length).trim().slice(2));
    } catch {
      // ENODATA: no more.
      return messages;
    }
  }
}
