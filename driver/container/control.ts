/** What is done to a container that runs, mostly by another process than the one that started it. */
import { closeSync } from "node:fs";
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { StorageError } from "../base/errors.ts";
import type { ContainerRow } from "../metadata/schema.ts";
import { openLocked } from "../sys/lock-file.ts";
import { type ContainerStore, unknownExitCode } from "./container-store.ts";
import type { StopOptions } from "./container.ts";
import { processesLike } from "./processes.ts";
import { readExit } from "./state-dir.ts";

const pollMs = 50;
const pidTries = 100;

export async function waitForEnd(store: ContainerStore, wanted: string, signal?: AbortSignal): Promise<number> {
  const { id } = store.records.find(wanted);
  const exit = store.stateOf(id).openExit();
  try {
    for (;;) {
      const row = store.records.tryGet(id);
      const current = row === undefined ? undefined : await store.settled(row);
      if (current === undefined) return (exit === undefined ? undefined : readExit(exit)) ?? unknownExitCode;
      if (current.status !== "running") return current.exitCode ?? 0;
      await sleep(pollMs, undefined, { ...(signal && { signal }) });
    }
  } finally {
    if (exit !== undefined) closeSync(exit);
  }
}

export async function stopContainer(store: ContainerStore, wanted: string, options: StopOptions): Promise<void> {
  const { id } = store.records.find(wanted);
  const container = await store.settled(store.records.find(id));
  if (container?.status !== "running") return;
  const pid = await pidOf(store, id);
  if (pid === undefined) return;
  if (container.paused) await unpauseContainer(store, id);
  (await store.runtimeOf(id)).signal(id, pid, options.signal ?? container.host.stopSignal);
  const patience = AbortSignal.timeout((options.timeoutSeconds ?? container.host.stopSeconds) * 1000);
  try {
    await waitForEnd(store, id, patience);
  } catch (error) {
    if (!patience.aborted) throw error;
    if (store.records.tryGet(id) === undefined) return;
    await store.kill(id, pid);
    await waitForEnd(store, id);
  }
}

export async function killContainer(store: ContainerStore, wanted: string, signal: NodeJS.Signals): Promise<void> {
  const { row, pid } = await runningOf(store, wanted, "kill");
  if (signal === "SIGKILL") await store.kill(row.id, pid);
  else (await store.runtimeOf(row.id)).signal(row.id, pid, signal);
}

export async function processesOf(store: ContainerStore, wanted: string): Promise<readonly number[]> {
  const { row, pid } = await runningOf(store, wanted, "list processes of");
  return processesLike((await store.runtimeOf(row.id)).initPid(row.id, pid));
}

export async function pauseContainer(store: ContainerStore, wanted: string): Promise<void> {
  const { row, pid } = await runningOf(store, wanted, "pause");
  const state = store.stateOf(row.id);
  if (state.isPaused) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot pause container ${row.name}: it is paused already`);
  }
  (await store.runtimeOf(row.id)).freeze(row.id, pid);
  writeFileSync(state.paused, "", { mode: 0o600 });
}

export async function unpauseContainer(store: ContainerStore, wanted: string): Promise<void> {
  const row = store.records.find(wanted);
  const state = store.stateOf(row.id);
  if (row.status !== "running" || row.pid === null || !state.isPaused) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot unpause container ${row.name}: it is not paused`);
  }
  (await store.runtimeOf(row.id)).thaw(row.id, row.pid);
  rmSync(state.paused, { force: true });
}

export async function pauseWhile<T>(store: ContainerStore, wanted: string, work: () => Promise<T>): Promise<T> {
  const row = store.records.find(wanted);
  const container = await store.settled(row);
  const state = store.stateOf(row.id);
  if (container?.status !== "running") {
    using _idle = store.lock(row.id, `cannot keep container ${row.name} still: it is being started or removed`);
    return await work();
  }
  let pausing = openLocked(state.pausing, { nonBlocking: true });
  while (pausing === undefined) {
    await sleep(pollMs);
    pausing = openLocked(state.pausing, { nonBlocking: true });
  }
  using _pausing = pausing;
  const pid = container.paused ? undefined : await pidOf(store, row.id);
  const runtime = pid === undefined ? undefined : await store.runtimeOf(row.id);
  try {
    if (pid !== undefined) runtime?.freeze(row.id, pid);
    return await work();
  } finally {
    if (pid !== undefined && store.records.tryGet(row.id)?.pid === pid) runtime?.thaw(row.id, pid);
    state.removePausing();
  }
}

export async function runningOf(
  store: ContainerStore,
  wanted: string,
  verb: string,
): Promise<{ readonly row: ContainerRow; readonly pid: number }> {
  const row = store.records.find(wanted);
  const container = await store.settled(row);
  const pid = container?.status === "running" ? await pidOf(store, row.id) : undefined;
  if (pid !== undefined) return { row, pid };
  throw new StorageError("ERR_FAILED_PRECONDITION", `cannot ${verb} container ${row.name}: it does not run`);
}

/** Waits out the moment between the decision to start it and its start; undefined when it has ended. */
async function pidOf(store: ContainerStore, id: string): Promise<number | undefined> {
  for (let attempt = 0; attempt < pidTries; attempt++) {
    const row = store.records.tryGet(id);
    if (row?.status !== "running") return undefined;
    if (row.pid !== null) return row.pid;
    await sleep(pollMs);
  }
  return undefined;
}
