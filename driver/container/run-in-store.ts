import type { RunResult } from "./container.ts";
import type { ContainerStore } from "./container-store.ts";
import { type Run, runContainer } from "./run.ts";
import type { ContainerLock } from "./state-dir.ts";

/** To be called with the container's lock. A container that removes itself is gone afterwards, whatever happened. */
export async function runInStore(
  store: ContainerStore,
  id: string,
  lock: ContainerLock,
  how: Pick<Run, "streams" | "signal" | "onStart" | "outputRead">,
): Promise<RunResult> {
  const state = store.stateOf(id);
  const container = store.infoOf(store.records.find(id));
  try {
    return await runContainer({
      container,
      state,
      lock,
      records: store.records,
      runtime: () => store.chooseRuntime(id),
      mounts: () => store.options.snapshotter.mounts(id),
      privileges: store.options.privileges,
      ...how,
    });
  } finally {
    if (container.autoRemove) await store.removeLocked(container, state);
  }
}
