/** The process that attends to one container, from the start of its program to its end. */
import { Socket } from "node:net";
import { toWire } from "../base/errors.ts";
import { openLocked } from "../sys/lock-file.ts";
import type { RunningProcess } from "./container.ts";
import type { ContainerStore } from "./container-store.ts";
import { LogWriter } from "./log-writer.ts";
import { runInStore } from "./run-in-store.ts";
import { SessionHost } from "./session-host.ts";
import { ContainerLock } from "./state-dir.ts";

export interface AttendOptions {
  /** Open file of the container's lock. */
  readonly lockFd: number;
  /** Connection to whoever asked for the start. */
  readonly clientFd: number;
  readonly onStart: (process: RunningProcess) => void;
}

/** Resolves at the end of the container; what it fails with has been told to the clients. */
export async function attendDetached(
  store: ContainerStore,
  wanted: string,
  { lockFd, clientFd, onStart }: AttendOptions,
): Promise<void> {
  using lock = new ContainerLock(lockFd);
  const { id } = store.records.find(wanted);
  const state = store.stateOf(id);
  state.makeKept();
  using log = new LogWriter(state.log);
  const early = new AbortController();
  let executed: Promise<void> | undefined;
  const host = new SessionHost({
    process: store.infoOf(store.records.find(id)).process,
    log,
    onEarlyKill: () => {
      early.abort();
    },
  });
  try {
    // Whoever asked for it may be gone by now, and nobody waits.
    if (!(await host.admit(new Socket({ fd: clientFd })))) return;
    await host.listen(state);
    using _alive = openLocked(state.monitor);
    const { exitCode } = await runInStore(store, id, lock, {
      streams: () => host.streams(),
      signal: early.signal,
      onStart: (started) => {
        host.begin(started);
        onStart(started);
        executed = started.executed().then(
          () => {
            host.executed();
          },
          () => undefined,
        );
      },
      outputRead: async () => {
        await executed;
        await host.finish();
      },
    });
    host.tell("exited", { exitCode });
  } catch (error) {
    host.tell("failed", toWire(error));
  } finally {
    host.close();
  }
}
