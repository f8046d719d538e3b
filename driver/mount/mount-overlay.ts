/**
 * One overlay mount, in whichever of three ways fits.
 *
 * mount(2) takes all options as one text of less than a page, about a hundred layers. The newer mount calls take each
 * lower directory on its own ("lowerdir+", Linux 6.8). Older kernels get the page to reach further with names relative
 * to the directory that the layers share.
 */
import { Buffer } from "node:buffer";
import { dirname, relative } from "node:path";
import { isErrno, StorageError } from "../base/errors.ts";
import { AT_FDCWD, MS_NOATIME, MS_NODIRATIME, MS_RDONLY, MS_STRICTATIME, O_PATH } from "../sys/constants.ts";
import {
  closeFd,
  fsconfigCreate,
  fsconfigFlag,
  fsconfigString,
  fsmount,
  fsopen,
  mount,
  moveMount,
  openat,
} from "../sys/linux.ts";
import { formatOverlayOptions, type OverlayOptions, parseOverlayOptions } from "./overlay-options.ts";

/** Bytes of option text that every kernel's mount(2) takes: a page less its closing NUL. */
const maxDataBytes = 4095;

/** Longest value that fsconfig(2) takes as a string. */
const maxValueBytes = 255;

/** `options` without the words that are flags; `target` absolute. */
export function mountOverlay(options: readonly string[], flags: number, target: string): void {
  const parsed = parseOverlayOptions(options);
  if (!hasSpecialNames(parsed) && mountByText(parsed, flags, target)) return;
  if (mountByContext(parsed, flags, target)) return;
  if (mountByRelativeText(parsed, flags, target)) return;
  throw new StorageError(
    "ERR_UNIMPLEMENTED",
    `cannot mount ${parsed.lowerDirs.length} layers on ${target}: that many need Linux 6.8 or newer`,
  );
}

function pathsOf({ lowerDirs, upperDir, workDir }: OverlayOptions): readonly string[] {
  return upperDir === undefined || workDir === undefined ? lowerDirs : [...lowerDirs, upperDir, workDir];
}

function hasSpecialNames(options: OverlayOptions): boolean {
  return pathsOf(options).some((path) => /[\\,:]/.test(path));
}

/** The classic way; false when the text is too long for it. */
export function mountByText(options: OverlayOptions, flags: number, target: string): boolean {
  const data = formatOverlayOptions(options).join(",");
  if (Buffer.byteLength(data) > maxDataBytes) return false;
  mount("overlay", target, "overlay", flags, data);
  return true;
}

/** The classic way from within the directory that all lower ones share; false when even that text is too long. */
export function mountByRelativeText(options: OverlayOptions, flags: number, target: string): boolean {
  const before = process.cwd();
  const shared = sharedDirectory(options.lowerDirs);
  process.chdir(shared);
  try {
    const lowerDirs = options.lowerDirs.map((dir) => relative(shared, dir) || ".");
    return mountByText({ ...options, lowerDirs }, flags, target);
  } finally {
    process.chdir(before);
  }
}

function sharedDirectory(paths: readonly string[]): string {
  let shared = dirname(paths[0] ?? "/");
  while (shared !== "/" && !paths.every((path) => path.startsWith(`${shared}/`))) shared = dirname(shared);
  return shared;
}

/** The newer calls; false when this kernel does not have them or not "lowerdir+". */
export function mountByContext(options: OverlayOptions, flags: number, target: string): boolean {
  const mountFd = createOverlay(options, flags);
  if (mountFd === undefined) return false;
  try {
    moveMount(mountFd, target);
  } finally {
    closeFd(mountFd);
  }
  return true;
}

/**
 * A descriptor (O_PATH) of the root of an overlay that is mounted nowhere, and so is gone when the descriptor is closed.
 * Undefined when this kernel cannot.
 */
export function createOverlay(options: OverlayOptions, flags: number): number | undefined {
  const context = openContext();
  if (context === undefined) return undefined;
  using held = new HeldPaths();
  try {
    fsconfigString(context, "source", "overlay");
    for (const [index, dir] of options.lowerDirs.entries()) {
      try {
        fsconfigString(context, "lowerdir+", held.nameOf(dir));
      } catch (error) {
        if (index === 0 && isErrno(error, "EINVAL")) return undefined;
        throw error;
      }
    }
    if (options.upperDir !== undefined) fsconfigString(context, "upperdir", held.nameOf(options.upperDir));
    if (options.workDir !== undefined) fsconfigString(context, "workdir", held.nameOf(options.workDir));
    for (const option of options.others) setOption(context, option);
    if ((flags & MS_RDONLY) !== 0) fsconfigFlag(context, "ro");
    fsconfigCreate(context);
    return fsmount(context, attributesOf(flags));
  } finally {
    closeFd(context);
  }
}

function openContext(): number | undefined {
  try {
    return fsopen("overlay");
  } catch (error) {
    if (isErrno(error, "ENOSYS")) return undefined;
    throw error;
  }
}

function setOption(context: number, option: string): void {
  const equals = option.indexOf("=");
  if (equals < 0) fsconfigFlag(context, option);
  else fsconfigString(context, option.slice(0, equals), option.slice(equals + 1));
}

const MOUNT_ATTR_NOATIME = 0x10;
const MOUNT_ATTR_STRICTATIME = 0x20;
const MOUNT_ATTR_NODIRATIME = 0x80;

/** MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC are the same bits in both. */
function attributesOf(flags: number): number {
  return (
    (flags & 0xf) |
    ((flags & MS_NOATIME) !== 0 ? MOUNT_ATTR_NOATIME : 0) |
    ((flags & MS_STRICTATIME) !== 0 ? MOUNT_ATTR_STRICTATIME : 0) |
    ((flags & MS_NODIRATIME) !== 0 ? MOUNT_ATTR_NODIRATIME : 0)
  );
}

/** Names for paths that fsconfig would find too long or read wrongly: their /proc/self/fd link. */
class HeldPaths implements Disposable {
  readonly #fds: number[] = [];

  nameOf(path: string): string {
    if (Buffer.byteLength(path) <= maxValueBytes && !/[\\,:]/.test(path)) return path;
    const fd = openat(AT_FDCWD, path, O_PATH);
    this.#fds.push(fd);
    return `/proc/self/fd/${fd}`;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) closeFd(fd);
  }
}
