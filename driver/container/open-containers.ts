/** {@link Containers} over snapshots, the database and a runtime. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, StorageError } from "../base/errors.ts";
import type { ImageDetails } from "../image/image-types.ts";
import type { Database } from "../metadata/database.ts";
import type { ContainerRow } from "../metadata/schema.ts";
import type { Snapshotter } from "../snapshot/snapshotter.ts";
import type { Privileges } from "../sys/privileges.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { ContainerInfo, Containers, CreateOptions, RunOptions, RunResult } from "./container.ts";
import type { Runtime } from "./launch.ts";
import { checkName, makeUpName } from "./names.ts";
import { processConfig } from "./process-config.ts";
import { ContainerRecords, infoOf, type NewContainer } from "./records.ts";
import { placeRootfs, removeRootfs } from "./rootfs-mount.ts";
import { runContainer } from "./run.ts";
import { openRuntime } from "./runtime.ts";
import { type ContainerLock, StateDir } from "./state-dir.ts";

/** The part of images that containers need. */
export interface ImageLookup {
  /** @throws {StorageError} ERR_NOT_FOUND. */
  get(reference: string): Promise<ImageDetails>;
}

export interface ContainersOptions {
  readonly root: string;
  readonly state: string;
  readonly database: Database;
  readonly snapshotter: Snapshotter;
  readonly images: ImageLookup;
  readonly privileges: Privileges;
  /** "runc", "crun", a path, "chroot"; default $LAMINATE_RUNTIME, else what is there. */
  readonly runtime?: string;
  /** Called after a container is gone. */
  readonly onRemoved?: (container: ContainerInfo) => Promise<void>;
}

/** Corrects records of containers whose laminate was killed. Nothing needs closing. */
export async function openContainers(options: ContainersOptions): Promise<Containers> {
  const containers = new StoredContainers(options);
  await containers.list();
  return containers;
}

const nameTries = 20;
const killPollMs = 50;
const killPolls = 200;

/** Of a container whose end nobody saw. */
const unknownExitCode = 255;

class StoredContainers implements Containers {
  readonly #options: ContainersOptions;
  readonly #records: ContainerRecords;

  constructor(options: ContainersOptions) {
    this.#options = options;
    this.#records = new ContainerRecords(options.database);
  }

  async create(options: CreateOptions): Promise<ContainerInfo> {
    if (options.name !== undefined) checkName(options.name);
    const image = await this.#options.images.get(options.image);
    const top = image.layers.at(-1);
    if (top === undefined) {
      throw new StorageError(
        "ERR_FAILED_PRECONDITION",
        `cannot create container of ${options.image}: the image has no layers, so there is nothing to run in it`,
      );
    }
    const id = randomBytes(32).toString("hex");
    const container: Omit<NewContainer, "name"> = {
      id,
      image: options.image,
      imageId: image.id,
      manifestDigest: image.manifestDigest,
      autoRemove: options.autoRemove ?? false,
      process: processConfig(image.config.config ?? {}, options, id.slice(0, 12)),
    };
    // The record first: it keeps the image from being removed, and `remove` copes with a missing snapshot.
    this.#insert(container, options.name);
    try {
      await this.#options.snapshotter.prepare(id, top.chainId);
    } catch (error) {
      this.#records.delete(id);
      throw error;
    }
    return this.#infoOf(this.#records.find(id));
  }

  async run(wanted: string, options: RunOptions): Promise<RunResult> {
    const { id } = this.#records.find(wanted);
    const state = this.#stateOf(id);
    using lock = this.#lock(state, `cannot run container ${wanted}: it is running already`);
    const row = this.#records.find(id);
    this.#settle(row, state);
    const container = this.#infoOf(row);
    try {
      return await runContainer({
        container,
        state,
        lock,
        records: this.#records,
        runtime: () => this.#runtime(),
        mounts: () => this.#options.snapshotter.mounts(id),
        privileges: this.#options.privileges,
        options,
      });
    } finally {
      if (container.autoRemove) await this.#removeLocked(container, state);
    }
  }

  async list(): Promise<readonly ContainerInfo[]> {
    const found: ContainerInfo[] = [];
    for (const row of this.#records.list()) {
      const settled = await this.#settled(row);
      if (settled !== undefined) found.push(settled);
    }
    return found;
  }

  async get(wanted: string): Promise<ContainerInfo> {
    return (await this.#settled(this.#records.find(wanted))) ?? this.#infoOf(this.#records.find(wanted));
  }

  async remove(wanted: string, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    const { id, name } = this.#records.find(wanted);
    const state = this.#stateOf(id);
    using lock = state.tryLock() ?? (force ? await this.#killAndLock(id, state) : undefined);
    if (lock === undefined) {
      throw new StorageError("ERR_FAILED_PRECONDITION", `cannot remove container ${name}: it is running`);
    }
    // It may have gone by itself while we waited for its end.
    const row = this.#records.tryGet(id);
    if (row !== undefined) await this.#removeLocked(this.#infoOf(row), state);
    else removeTree(state.path);
  }

  async mount(wanted: string): Promise<string> {
    const { id } = this.#records.find(wanted);
    const mounts = await this.#options.snapshotter.mounts(id);
    return placeRootfs(mounts, this.#stateOf(id).rootfs, this.#options.privileges);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface is asynchronous
  async unmount(wanted: string): Promise<void> {
    const { id, name } = this.#records.find(wanted);
    const state = this.#stateOf(id);
    const lock = this.#lock(state, `cannot unmount container ${name}: it is running`);
    try {
      removeRootfs(state.rootfs);
    } finally {
      lock[Symbol.dispose]();
    }
  }

  #insert(container: Omit<NewContainer, "name">, name: string | undefined): void {
    for (let attempt = 0; ; attempt++) {
      try {
        this.#records.insert({ ...container, name: name ?? makeUpName(attempt) });
        return;
      } catch (error) {
        if (name !== undefined || attempt === nameTries || !hasCode(error, "ERR_ALREADY_EXISTS")) throw error;
      }
    }
  }

  /** To be called with the container's lock. */
  async #removeLocked(container: ContainerInfo, state: StateDir): Promise<void> {
    removeRootfs(state.rootfs);
    try {
      await this.#options.snapshotter.remove(container.id);
    } catch (error) {
      if (!hasCode(error, "ERR_NOT_FOUND")) throw error;
    }
    this.#records.delete(container.id);
    removeTree(state.path);
    await this.#options.onRemoved?.(container);
  }

  async #killAndLock(id: string, state: StateDir): Promise<ContainerLock | undefined> {
    for (let poll = 0; poll < killPolls; poll++) {
      const pid = this.#records.tryGet(id)?.pid ?? null;
      if (pid !== null && poll % 20 === 0) this.#runtime().forceKill(id, pid);
      await sleep(killPollMs);
      const lock = state.tryLock();
      if (lock !== undefined) return lock;
    }
    return undefined;
  }

  /** Undefined when the container is gone, now or since `row` was read. */
  async #settled(row: ContainerRow): Promise<ContainerInfo | undefined> {
    if (row.status !== "running") return this.#infoOf(row);
    const state = this.#stateOf(row.id);
    if (state.isLocked()) return this.#infoOf(row);
    using lock = state.tryLock();
    const current = this.#records.tryGet(row.id);
    if (current === undefined) return undefined;
    if (lock === undefined || current.status !== "running") return this.#infoOf(current);
    this.#settle(current, state);
    const container = this.#infoOf(this.#records.tryGet(row.id) ?? current);
    if (!container.autoRemove) return container;
    await this.#removeLocked(container, state);
    return undefined;
  }

  /** To be called with the lock: a record that says "running" is left over from a laminate that was killed. */
  #settle(row: ContainerRow, state: StateDir): void {
    if (row.status !== "running") return;
    removeRootfs(state.rootfs);
    state.removeFiles();
    this.#records.exited(row.id, unknownExitCode);
  }

  #lock(state: StateDir, refusal: string): ContainerLock {
    const lock = state.tryLock();
    if (lock === undefined) throw new StorageError("ERR_FAILED_PRECONDITION", refusal);
    return lock;
  }

  #stateOf(id: string): StateDir {
    return new StateDir(this.#options.state, id);
  }

  #infoOf(row: ContainerRow): ContainerInfo {
    return infoOf(row, this.#stateOf(row.id).rootfs);
  }

  #runtime(): Runtime {
    const { runtime, state, privileges } = this.#options;
    return openRuntime({ wanted: runtime ?? process.env["LAMINATE_RUNTIME"], state: `${state}/runtime`, privileges });
  }
}
