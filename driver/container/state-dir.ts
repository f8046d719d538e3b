/** `<state>/containers/<id>`: the mounted root, generated files and the lock of one container. */
import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../base/errors.ts";
import { flockFd } from "../sys/linux.ts";

export class StateDir {
  readonly path: string;
  readonly rootfs: string;
  /** Generated for one run, and gone after it. */
  readonly files: string;

  constructor(state: string, id: string) {
    this.path = join(state, "containers", id);
    this.rootfs = join(this.path, "rootfs");
    this.files = join(this.path, "run");
  }

  /** Undefined while the container runs, or is being started or removed; held until disposed. */
  tryLock(): ContainerLock | undefined {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const fd = openSync(join(this.path, "lock"), "a", 0o600);
    if (flockFd(fd, "exclusive", { nonBlocking: true })) return new ContainerLock(fd);
    closeSync(fd);
    return undefined;
  }

  /** Without making anything. */
  isLocked(): boolean {
    let fd: number;
    try {
      fd = openSync(join(this.path, "lock"), "r");
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

  removeFiles(): void {
    rmSync(this.files, { recursive: true, force: true });
  }
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
