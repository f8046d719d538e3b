/** {@link Containers} over snapshots, the database and a runtime: each of its verbs is loaded when it is used. */
import { StorageError } from "../base/errors.ts";
import type { ContainerInfo, Containers, RunOptions, RunResult } from "./container.ts";
import { ContainerStore } from "./container-store.ts";
import type { ContainersOptions } from "./containers-options.ts";

export type { ContainersOptions, ImageLookup } from "./containers-options.ts";

/** Puts right what killed processes left: see the folder's invariants in container.ts. Nothing needs closing. */
export async function openContainers(options: ContainersOptions): Promise<Containers> {
  const store = new ContainerStore(options);
  await store.removeStrays();
  const containers = containersOf(store);
  await containers.list();
  return containers;
}

function containersOf(store: ContainerStore): Containers {
  const { records } = store;
  const control = () => import("./control.ts");
  const detached = () => import("./detached.ts");
  const rootfsMount = () => import("./rootfs-mount.ts");
  let statsOf: Containers["stats"] | undefined;
  return {
    create: async (options) => (await import("./create.ts")).createContainer(store, options),
    run: async (id, options) => {
      return store.options.monitor === undefined
        ? run(store, id, options)
        : (await detached()).runAttended(store, id, options);
    },
    start: async (id) => (await detached()).startDetached(store, id),
    attach: async (id, options = {}) => (await detached()).attachTo(store, id, options),
    async *logs(id, options = {}) {
      const { readLog } = await import("./log-reader.ts");
      const row = records.find(id);
      yield* readLog(store.stateOf(row.id).log, () => records.tryGet(row.id)?.status === "running", options);
    },
    wait: async (id, signal) => (await control()).waitForEnd(store, id, signal),
    stop: async (id, options = {}) => (await control()).stopContainer(store, id, options),
    kill: async (id, signal = "SIGKILL") => (await control()).killContainer(store, id, signal),
    rename: async (id, name) => {
      (await import("./names.ts")).checkName(name);
      records.rename(records.find(id).id, name);
    },
    exec: async (id, options) => (await import("./exec.ts")).execInContainer(store, id, options),
    pause: async (id) => (await control()).pauseContainer(store, id),
    unpause: async (id) => (await control()).unpauseContainer(store, id),
    pauseWhile: async (id, work) => (await control()).pauseWhile(store, id, work),
    withRoot: async (id, work) => (await import("./with-root.ts")).withRoot(store, id, work),
    processes: async (id) => (await control()).processesOf(store, id),
    stats: async (id) => {
      const { statsReader } = await import("./stats.ts");
      statsOf ??= statsReader(store);
      return statsOf(id);
    },
    list: () => list(store),
    get: (id) => get(store, id),
    remove: (id, { force = false } = {}) => remove(store, id, force),
    mount: async (id) => {
      const row = records.find(id);
      const { snapshotter, privileges } = store.options;
      const { placeRootfs } = await rootfsMount();
      return placeRootfs(await snapshotter.mounts(row.id), store.stateOf(row.id).rootfs, privileges);
    },
    unmount: async (id) => {
      const row = records.find(id);
      using _idle = store.lock(row.id, `cannot unmount container ${row.name}: it is running`);
      (await rootfsMount()).removeRootfs(store.stateOf(row.id).rootfs);
    },
  };
}

/** By this process itself, on its own streams, where there is no other to do it. */
async function run(store: ContainerStore, wanted: string, { signal, onStart }: RunOptions): Promise<RunResult> {
  const [{ ourStreams }, { runInStore }] = await Promise.all([import("./foreground.ts"), import("./run-in-store.ts")]);
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
