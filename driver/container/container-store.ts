/**
 * What all that is done with containers stands on: records, state directories, and putting right what was left over.
 * Every command opens it, so that what runs, mounts and unmounts is loaded by the first to need it.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, isErrno, StorageError } from "../base/errors.ts";
import type { ContainerRow } from "../metadata/schema.ts";
import type { ContainerInfo } from "./container.ts";
import type { Runtime } from "./launch.ts";
import type { ContainersOptions } from "./containers-options.ts";
import { ContainerRecords, infoOf, storedStatus } from "./records.ts";
import { type ContainerLock, StateDir } from "./state-dir.ts";

const killPollMs = 50;
const killPolls = 200;

/** Of a container whose end nobody saw. */
export const unknownExitCode = 255;

export class ContainerStore {
  readonly options: ContainersOptions;
  readonly records: ContainerRecords;
  /** Of containers that this process has made and will start. */
  readonly #kept = new Map<string, ContainerLock>();

  constructor(options: ContainersOptions) {
    this.options = options;
    this.records = new ContainerRecords(options.database);
  }

  stateOf(id: string): StateDir {
    return new StateDir(this.options, id);
  }

  infoOf(row: ContainerRow): ContainerInfo {
    const state = this.stateOf(row.id);
    return infoOf(row, state.rootfs, row.status === "running" && state.isPaused);
  }

  /** For a start of container `id`: as the caller or the environment wants, or what there is. */
  async chooseRuntime(id: string): Promise<Runtime> {
    const { chooseRuntime, openRuntime } = await import("./runtime.ts");
    const { runtime, privileges } = this.options;
    const choice = chooseRuntime({ wanted: runtime ?? process.env["LAMINATE_RUNTIME"], privileges });
    const wanted = choice.path ?? "chroot";
    writeFileSync(this.stateOf(id).runtime, wanted, { mode: 0o600 });
    return openRuntime({ wanted, state: this.#runtimeState, privileges });
  }

  /** The one that runs container `id`, whatever is wanted by now. */
  async runtimeOf(id: string): Promise<Runtime> {
    const { openRuntime } = await import("./runtime.ts");
    const wanted = readFileSync(this.stateOf(id).runtime, "utf8");
    return openRuntime({ wanted, state: this.#runtimeState, privileges: this.options.privileges });
  }

  keepLock(id: string, lock: ContainerLock): void {
    this.#kept.set(id, lock);
  }

  /** @throws {StorageError} ERR_FAILED_PRECONDITION with `refusal`. */
  lock(id: string, refusal: string): ContainerLock {
    const lock = this.tryLock(id);
    if (lock === undefined) throw new StorageError("ERR_FAILED_PRECONDITION", refusal);
    return lock;
  }

  /**
   * For a start: what an earlier run may have left is put right first.
   * @throws {StorageError} ERR_FAILED_PRECONDITION with `refusal`; ERR_NOT_FOUND when it is gone by now.
   */
  async lockToRun(id: string, refusal: string): Promise<ContainerLock> {
    const kept = this.#kept.get(id);
    if (kept !== undefined) {
      this.#kept.delete(id);
      return kept;
    }
    const lock = this.lock(id, refusal);
    try {
      if ((await this.settle(this.records.find(id), this.stateOf(id))) !== undefined) return lock;
      throw new StorageError("ERR_NOT_FOUND", `cannot find container ${id}`);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  tryLock(id: string): ContainerLock | undefined {
    const kept = this.#kept.get(id);
    this.#kept.delete(id);
    return kept ?? this.stateOf(id).tryLock();
  }

  /**
   * The container as it is, put right where its owner was killed; undefined when it is gone, now or since `row` was
   * read.
   */
  async settled(row: ContainerRow): Promise<ContainerInfo | undefined> {
    const status = storedStatus(row);
    if (this.#isAtRest(row) || this.#kept.has(row.id)) return this.infoOf(row);
    const state = this.stateOf(row.id);
    if (status === "running") await this.#resumeOrphaned(row, state);
    using lock = (await this.#lockOfUnattended(row, state)) ?? (state.isLocked() ? undefined : state.tryLock());
    const current = this.records.tryGet(row.id);
    if (current === undefined) return undefined;
    if (lock === undefined) return this.infoOf(current);
    return await this.settle(current, state);
  }

  /** The same, to be called with the lock. */
  async settle(row: ContainerRow, state: StateDir): Promise<ContainerInfo | undefined> {
    if (this.#isAtRest(row)) return this.infoOf(row);
    await this.#endLeftovers(row.id, state);
    state.removeFiles();
    if (storedStatus(row) === "running") {
      this.records.exited(row.id, state.readExit() ?? unknownExitCode);
      const container = this.infoOf(this.records.tryGet(row.id) ?? row);
      if (!container.autoRemove) return container;
    }
    await this.removeLocked(this.infoOf(row), state);
    return undefined;
  }

  /** Nobody need attend to it. One that removes itself has an end, but only on its way out. */
  #isAtRest(row: ContainerRow): boolean {
    const status = storedStatus(row);
    return status === "created" || (status === "exited" && !this.infoOf(row).autoRemove);
  }

  /** To be called with the container's lock. */
  async removeLocked(container: ContainerInfo, state: StateDir): Promise<void> {
    this.records.removing(container.id);
    (await import("./rootfs-mount.ts")).removeRootfs(state.rootfs);
    try {
      await this.options.snapshotter.remove(container.id);
    } catch (error) {
      if (!hasCode(error, "ERR_NOT_FOUND")) throw error;
    }
    this.records.delete(container.id);
    state.remove();
    await this.options.onRemoved?.(container);
  }

  async killAndLock(id: string): Promise<ContainerLock | undefined> {
    for (let poll = 0; poll < killPolls; poll++) {
      const pid = this.records.tryGet(id)?.pid ?? null;
      if (pid !== null && poll % 20 === 0) await this.kill(id, pid);
      await sleep(killPollMs);
      const lock = this.tryLock(id);
      if (lock !== undefined) return lock;
    }
    return undefined;
  }

  /** A stopped process dies only once it goes on. */
  async kill(id: string, pid: number): Promise<void> {
    const runtime = await this.runtimeOf(id);
    runtime.signal(id, pid, "SIGKILL");
    if (!this.stateOf(id).isPaused) return;
    try {
      runtime.thaw(id, pid);
    } catch (error) {
      if (!hasCode(error, "ERR_FAILED_PRECONDITION")) throw error;
    }
  }

  /** Directories without a record: of a process that was killed between making one and the other. */
  async removeStrays(): Promise<void> {
    const { root, state } = this.options;
    for (const parent of [join(state, "containers"), join(root, "containers")]) {
      for (const id of list(parent).filter((name) => /^[0-9a-f]{64}$/.test(name))) {
        if (this.records.tryGet(id) !== undefined) continue;
        const directory = this.stateOf(id);
        using lock = directory.tryLock();
        // Again: it may have been made just now.
        if (lock === undefined || this.records.tryGet(id) !== undefined) continue;
        await this.#endLeftovers(id, directory);
        directory.remove();
      }
    }
  }

  /** Whoever attended to it was killed: its output goes nowhere and nobody would see its end. */
  async #lockOfUnattended(row: ContainerRow, state: StateDir): Promise<ContainerLock | undefined> {
    using orphaned = row.status === "running" ? StateDir.orphaned(state.monitor) : undefined;
    return orphaned === undefined ? undefined : await this.killAndLock(row.id);
  }

  /** To be called with the container's lock. */
  async #endLeftovers(id: string, state: StateDir): Promise<void> {
    const [{ endLeftovers }, { removeRootfs }] = await Promise.all([
      import("./leftovers.ts"),
      import("./rootfs-mount.ts"),
    ]);
    endLeftovers(this.#runtimeState, id);
    removeRootfs(state.rootfs);
  }

  async #resumeOrphaned(row: ContainerRow, state: StateDir): Promise<void> {
    using orphaned = StateDir.orphaned(state.pausing);
    if (orphaned === undefined || row.pid === null) return;
    try {
      (await this.runtimeOf(row.id)).thaw(row.id, row.pid);
    } catch (error) {
      // It had not been paused yet.
      if (!hasCode(error, "ERR_FAILED_PRECONDITION")) throw error;
    }
    state.removePausing();
  }

  get #runtimeState(): string {
    return join(this.options.state, "runtime");
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
