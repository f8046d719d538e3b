/**
 * Who attends to a container: a process of its own (driver/monitor.ts), from the start of its program to its end. It
 * keeps the output and the exit code, starts the program again where that is wanted, and takes away what was mounted for
 * it. Our own process is a client of it at most. The container's lock goes along, so that it is never free in between.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { StorageError } from "../base/errors.ts";
import type { AttachOptions, ContainerInfo, ProcessConfig, RunOptions, RunResult } from "./container.ts";
import type { ContainerStore } from "./container-store.ts";
import { closedOnes } from "./foreground.ts";
import { monitorFds } from "./monitor-order.ts";
import { connectTo, followSession, greet, startOf } from "./session-client.ts";

/** It lives long and does little: a small heap, and no threads that collect it. */
const monitorFlags = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=1", "--v8-pool-size=0"];

export async function startDetached(store: ContainerStore, wanted: string): Promise<ContainerInfo> {
  const row = store.records.find(wanted);
  // Running already is what is asked for.
  if ((await store.settled(row))?.status === "running") return store.infoOf(row);
  const socket = await startMonitor(store, row.id, `cannot start container ${row.name}`);
  try {
    greet(socket, false, false);
    await startOf(socket);
  } finally {
    socket.destroy();
  }
  return store.infoOf(store.records.tryGet(row.id) ?? row);
}

export async function runAttended(store: ContainerStore, wanted: string, options: RunOptions): Promise<RunResult> {
  const row = store.records.find(wanted);
  const { process } = store.infoOf(row);
  const socket = await startMonitor(store, row.id, `cannot run container ${row.name}`);
  greet(socket, true, process.tty);
  return await follow(socket, process, options, options.signal);
}

export async function attachTo(store: ContainerStore, wanted: string, options: AttachOptions): Promise<RunResult> {
  const row = store.records.find(wanted);
  const container = await store.settled(row);
  if (container?.status !== "running" || container.paused) {
    const reason = container?.paused === true ? "it is paused" : "it does not run";
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot attach to container ${row.name}: ${reason}`);
  }
  const { process } = container;
  const socket = await connectTo(store.stateOf(row.id), row.name);
  greet(socket, true, process.tty);
  return await follow(socket, process, options, undefined);
}

function follow(
  socket: Socket,
  process: ProcessConfig,
  { input = true, detachKeys, detach, onStart }: AttachOptions,
  kill: AbortSignal | undefined,
): Promise<RunResult> {
  return followSession(socket, { process, input, detachKeys, detach, kill, onStart });
}

/** The connection to a new one, which waits for a greeting. */
async function startMonitor(store: ContainerStore, id: string, refusal: string): Promise<Socket> {
  const { monitor } = store.options;
  if (monitor === undefined) throw new StorageError("ERR_UNIMPLEMENTED", `${refusal}: nothing could attend to it`);
  using lock = await store.lockToRun(id, `${refusal}: it runs, or is being started or removed`);
  const nowhere = openSync("/dev/null", "r");
  try {
    const order = JSON.stringify({ ...monitor.order, id });
    const child = spawn(process.execPath, [...monitorFlags, monitor.file, order], {
      stdio: ["ignore", "ignore", "ignore", "pipe", lock.fd, ...closedOnes(nowhere).slice(1)],
      detached: true,
      cwd: "/",
    });
    const socket = child.stdio[monitorFds.client];
    if (!(socket instanceof Socket)) throw new StorageError("ERR_INTERNAL", `${refusal}: no connection to its process`);
    child.unref();
    await new Promise((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    return socket;
  } finally {
    closeSync(nowhere);
  }
}
