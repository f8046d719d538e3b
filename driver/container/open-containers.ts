/** {@link Containers} over snapshots, the database and a runtime. */
import { StorageError } from "../base/errors.ts";
import type { ContainerInfo, Containers, RunOptions, RunResult } from "./container.ts";
import { ContainerStore } from "./container-store.ts";
import {
  killContainer,
  pauseContainer,
  pauseWhile,
  processesOf,
  stopContainer,
  unpauseContainer,
  waitForEnd,
} from "./control.ts";
import type { ContainersOptions } from "./containers-options.ts";
import { createContainer } from "./create.ts";
import { attachTo, attendDetached, runAttended, startDetached } from "./detached.ts";
import { execInContainer } from "./exec.ts";
import { ourStreams } from "./foreground.ts";
import { readLog } from "./log-reader.ts";
import { checkName } from "./names.ts";
import { placeRootfs, removeRootfs } from "./rootfs-mount.ts";
import { runInStore } from "./run-in-store.ts";
import { statsReader } from "./stats.ts";
import { withRoot } from "./with-root.ts";

export type { ContainersOptions, ImageLookup } from "./containers-options.ts";

/** Puts right what killed processes left: see the folder's invariants in container.ts. Nothing needs closing. */
export async function openContainers(options: ContainersOptions): Promise<Containers> {
  const store = new ContainerStore(options);
  store.removeStrays();
  const containers = containersOf(store);
  await containers.list();
  return containers;
}

function containersOf(store: ContainerStore): Containers {
  const { records } = store;
  return {
    create: (options) => createContainer(store, options),
    run: (id, options) => (store.options.monitor === undefined ? run : runAttended)(store, id, options),
    start: (id) => startDetached(store, id),
    attach: (id, options = {}) => attachTo(store, id, options),
    attend: (id, options) => attendDetached(store, id, options),
    async *logs(id, options = {}) {
      const row = records.find(id);
      yield* readLog(store.stateOf(row.id).log, () => records.tryGet(row.id)?.status === "running", options);
    },
    wait: (id, signal) => waitForEnd(store, id, signal),
    stop: (id, options = {}) => stopContainer(store, id, options),
    kill: (id, signal = "SIGKILL") => killContainer(store, id, signal),
    rename: async (id, name) => {
      checkName(name);
      records.rename(records.find(id).id, name);
      return Promise.resolve();
    },
    exec: (id, options) => execInContainer(store, id, options),
    pause: (id) => pauseContainer(store, id),
    unpause: async (id) => {
      unpauseContainer(store, id);
      return Promise.resolve();
    },
    pauseWhile: (id, work) => pauseWhile(store, id, work),
    withRoot: (id, work) => withRoot(store, id, work),
    processes: (id) => processesOf(store, id),
    stats: statsReader(store),
    list: () => list(store),
    get: (id) => get(store, id),
    remove: (id, { force = false } = {}) => remove(store, id, force),
    mount: async (id) => {
      const row = records.find(id);
      const { snapshotter, privileges } = store.options;
      return placeRootfs(await snapshotter.mounts(row.id), store.stateOf(row.id).rootfs, privileges);
    },
    unmount: async (id) => {
      const row = records.find(id);
      using _idle = store.lock(row.id, `cannot unmount container ${row.name}: it is running`);
      removeRootfs(store.stateOf(row.id).rootfs);
      await Promise.resolve();
    },
  };
}

/** By this process itself, on its own streams, where there is no other to do it. */
async function run(store: ContainerStore, wanted: string, { signal, onStart }: RunOptions): Promise<RunResult> {
  const { id, name } = store.records.find(wanted);
  using lock = await store.lockToRun(id, `cannot run container ${name}: it is running already`);
  return await runInStore(store, id, lock, {
    streams: () => ourStreams(store.infoOf(store.records.find(id)).process),
    signal,
    onStart: (started) => onStart?.(started),
  });
}

async function list(store: ContainerStore): Promise<readonly ContainerInfo[]> {
  const found: ContainerInfo[] = [];
  for (const row of store.records.list()) {
    const settled = await store.settled(row);
    if (settled !== undefined) found.push(settled);
  }
  return found;
}

async function get(store: ContainerStore, wanted: string): Promise<ContainerInfo> {
  return (await store.settled(store.records.find(wanted))) ?? store.infoOf(store.records.find(wanted));
}

async function remove(store: ContainerStore, wanted: string, force: boolean): Promise<void> {
  const { id, name } = store.records.find(wanted);
  using lock = store.tryLock(id) ?? (force ? await store.killAndLock(id) : undefined);
  if (lock === undefined) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot remove container ${name}: it is running`);
  }
  // It may have gone by itself while we waited for its end.
  const row = store.records.tryGet(id);
  const container = row === undefined ? undefined : await store.settle(row, store.stateOf(id));
  if (container !== undefined) await store.removeLocked(container, store.stateOf(id));
  else store.stateOf(id).remove();
}
