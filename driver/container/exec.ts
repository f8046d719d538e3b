/** Another program in a running container. */
import { readlinkSync } from "node:fs";
import { StorageError } from "../base/errors.ts";
import type { ContainerStore } from "./container-store.ts";
import type { ExecOptions, ProcessConfig, RunResult } from "./container.ts";
import { runningOf } from "./control.ts";
import { findExecutable } from "./executable.ts";
import { exitCodes } from "./failure.ts";
import { ourStreams } from "./foreground.ts";
import type { StartedProcess, Streams } from "./launch.ts";
import { ownTerminalSize, OwnStreams } from "./own-streams.ts";
import { openPlumbing, type Plumbing } from "./plumbing.ts";
import { changedEnvironment, checkedDirectory } from "./process-config.ts";
import { Rootfs } from "./rootfs.ts";
import { resolveUser, type ResolvedUser } from "./user.ts";

const nowhere: Streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };

export async function execInContainer(store: ContainerStore, wanted: string, options: ExecOptions): Promise<RunResult> {
  const { row, pid } = await runningOf(store, wanted, "exec in");
  const container = store.infoOf(row);
  const state = store.stateOf(row.id);
  if (container.paused) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot exec in container ${row.name}: it is paused`);
  }
  const runtime = await store.runtimeOf(row.id);
  const init = runtime.initPid(row.id, pid);
  if (init === undefined) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot exec in container ${row.name}: it does not run`);
  }
  const process: ProcessConfig = {
    args: options.command,
    env: changedEnvironment(container.process.env, options.env ?? [], options.tty ?? false),
    cwd: options.workdir === undefined ? container.process.cwd : checkedDirectory(options.workdir),
    user: options.user ?? container.process.user,
    hostname: container.process.hostname,
    tty: options.tty ?? false,
    interactive: options.interactive ?? false,
    keepsInput: false,
  };
  const isDetached = options.detach === true;
  // Nobody would look at a terminal.
  const plumbing = process.tty && !isDetached ? openPlumbing(process, ownTerminalSize()) : undefined;
  const started = await runtime.exec({
    id: row.id,
    files: state.files,
    process: { ...process, tty: plumbing !== undefined },
    host: options.privileged === true ? { ...container.host, privileged: true } : container.host,
    user: checkedUser(init, process, container.host.groupAdd),
    streams: plumbing?.streams ?? (isDetached ? nowhere : ourStreams(process)),
    detach: isDetached,
  });
  if (!isDetached) options.onStart?.(started);
  if (plumbing !== undefined) return await throughTerminal(started, plumbing, process.interactive);
  return { exitCode: await started.ended, isDetached };
}

/** A terminal of the program's own, which ours is raw for. */
async function throughTerminal(started: StartedProcess, plumbing: Plumbing, input: boolean): Promise<RunResult> {
  plumbing.handedOver();
  const hangUp = (): void => {
    started.kill("SIGHUP");
  };
  using streams = new OwnStreams({
    tty: true,
    input,
    detachKeys: new Uint8Array(),
    far: {
      write: (bytes) => plumbing.stdin?.write(bytes) ?? true,
      end: hangUp,
      resize: (size) => {
        plumbing.resize(size);
        started.kill("SIGWINCH");
      },
      pause: () => {
        for (const { readable } of plumbing.outputs) readable.pause();
      },
      resume: () => {
        for (const { readable } of plumbing.outputs) readable.resume();
      },
    },
    onDetach: hangUp,
    onBroken: hangUp,
  });
  for (const { stream, readable } of plumbing.outputs) {
    readable.on("data", (bytes: Buffer) => {
      streams.show(stream, bytes);
    });
  }
  plumbing.stdin?.on("drain", () => {
    streams.drained();
  });
  const exitCode = await started.ended;
  await plumbing.drained;
  return { exitCode, isDetached: false };
}

/** In what the container sees, its mounts included. */
function checkedUser(init: number, process: ProcessConfig, groupAdd: readonly string[]): ResolvedUser {
  using rootfs = new Rootfs(`/proc/${init}/root`);
  if (readlinkSync(`/proc/${init}/ns/mnt`) === readlinkSync("/proc/self/ns/mnt")) {
    throw new StorageError("ERR_FAILED_PRECONDITION", "cannot exec: the container has just ended", {
      details: { exitCode: exitCodes.failed },
    });
  }
  const user = resolveUser(rootfs, process.user, groupAdd);
  findExecutable(rootfs, process);
  return user;
}
