/**
 * `<state>/containers/<id>`: the mounted root, generated files and the locks of one container; and
 * `<root>/containers/<id>`: what a reboot must not take away, its log and volumes.
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../base/errors.ts";
import { AT_FDCWD, flockFd, fstat, tryFstatat } from "../sys/linux.ts";
import { type LockFile, openLocked } from "../sys/lock-file.ts";
import { removeTree } from "../sys/remove-tree.ts";

const lockTries = 4;
const lockPauseMs = 5;

export class StateDir {
  readonly path: string;
  readonly rootfs: string;
  /** Generated for one run, and gone after it. */
  readonly files: string;
  /** Outlives a reboot; made when first needed. */
  readonly kept: string;
  readonly log: string;
  /** Locked by the process that attends to a container without a command line. */
  readonly monitor: string;
  /** The socket of the process that attends to it. */
  readonly attach: string;
  /** There while the container is paused for its user. */
  readonly paused: string;
  /** Locked by the process that has paused the container for a moment. */
  readonly pausing: string;
  /** The last exit code, in digits; empty until then. Another file for each run, so that it can be waited with. */
  readonly exit: string;

  /** Which runtime runs the container, or ran it last: a path, or "chroot". */
  readonly runtime: string;

  readonly #lock: string;

  constructor({ root, state }: { readonly root: string; readonly state: string }, id: string) {
    this.path = join(state, "containers", id);
    this.kept = join(root, "containers", id);
    this.log = join(this.kept, "log");
    this.monitor = join(this.path, "monitor");
    this.attach = join(this.path, "attach");
    this.paused = join(this.path, "paused");
    this.pausing = join(this.path, "pausing");
    this.exit = join(this.path, "exit");
    this.runtime = join(this.path, "runtime");
    this.#lock = join(this.path, "lock");
    this.rootfs = join(this.path, "rootfs");
    this.files = join(this.path, "run");
  }

  /** Undefined while the container runs, or is being started or removed; held until disposed. */
  tryLock(): ContainerLock | undefined {
    for (let attempt = 0; attempt < lockTries; attempt++) {
      // Someone may be looking whether it is locked, which takes it for a moment.
      if (attempt > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lockPauseMs);
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      const fd = openSync(this.#lock, "a", 0o600);
      // Who held it may have removed it.
      if (
        flockFd(fd, "exclusive", { nonBlocking: true }) &&
        fstat(fd).devIno === tryFstatat(AT_FDCWD, this.#lock)?.devIno
      ) {
        return new ContainerLock(fd);
      }
      closeSync(fd);
    }
    return undefined;
  }

  /** Without making anything. */
  isLocked(): boolean {
    let fd: number;
    try {
      fd = openSync(this.#lock, "r");
    } catch (error) {
      if (isErrno(error, "ENOENT")) return false;
      throw error;
    }
    try {
      return !flockFd(fd, "shared", { nonBlocking: true });
    } finally {
      closeSync(fd);
    }
  }

  /** Returns the directory. */
  makeFiles(): string {
    mkdirSync(this.files, { recursive: true, mode: 0o700 });
    return this.files;
  }

  /** What belongs to one run. */
  removeFiles(): void {
    rmSync(this.files, { recursive: true, force: true });
    for (const file of [this.monitor, this.paused, this.pausing]) rmSync(file, { force: true });
  }

  /** By the holder of its lock. */
  removePausing(): void {
    rmSync(this.pausing, { force: true });
  }

  remove(): void {
    removeTree(this.kept);
    removeTree(this.path);
  }

  makeKept(): string {
    mkdirSync(this.kept, { recursive: true, mode: 0o700 });
    return this.kept;
  }

  get isPaused(): boolean {
    return existsSync(this.paused) || existsSync(this.pausing);
  }

  /** The lock of a file whose holder is gone; undefined when it has one, or there is no such file. */
  static orphaned(file: string): LockFile | undefined {
    return existsSync(file) ? openLocked(file, { nonBlocking: true }) : undefined;
  }

  startExit(): void {
    rmSync(this.exit, { force: true });
    writeFileSync(this.exit, "", { mode: 0o600 });
  }

  writeExit(exitCode: number): void {
    writeFileSync(this.exit, String(exitCode));
  }

  /** Undefined while there is none. */
  readExit(): number | undefined {
    const fd = this.openExit();
    if (fd === undefined) return undefined;
    try {
      return readExit(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** To be closed by the caller; undefined before the first run. */
  openExit(): number | undefined {
    try {
      return openSync(this.exit, "r");
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }
}

/** The exit code in a file of {@link StateDir.openExit}, which may be removed by now. */
export function readExit(fd: number): number | undefined {
  const bytes = Buffer.alloc(16);
  const text = bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0));
  return text === "" ? undefined : Number(text);
}

/** A lock belongs to an open file: a child process that inherits `fd` holds it too. */
export class ContainerLock implements Disposable {
  readonly fd: number;
  #isOpen = true;

  /** Use {@link StateDir.tryLock}. */
  constructor(fd: number) {
    this.fd = fd;
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) closeSync(this.fd);
    this.#isOpen = false;
  }
}
