/** Another program in a running container. */
import { readlinkSync } from "node:fs";
import { StorageError } from "../base/errors.ts";
import type { ContainerStore } from "./container-store.ts";
import type { ExecOptions, ProcessConfig, RunResult } from "./container.ts";
import { runningOf } from "./control.ts";
import { findExecutable } from "./executable.ts";
import { exitCodes } from "./failure.ts";
import { changedEnvironment, checkedDirectory } from "./process-config.ts";
import { Rootfs } from "./rootfs.ts";
import { resolveUser, type ResolvedUser } from "./user.ts";

export async function execInContainer(store: ContainerStore, wanted: string, options: ExecOptions): Promise<RunResult> {
  const { row, pid } = await runningOf(store, wanted, "exec in");
  const container = store.infoOf(row);
  const state = store.stateOf(row.id);
  if (container.paused) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot exec in container ${row.name}: it is paused`);
  }
  const runtime = store.runtimeOf(row.id);
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
  };
  const started = await runtime.exec({
    id: row.id,
    files: state.files,
    process,
    host: options.privileged === true ? { ...container.host, privileged: true } : container.host,
    user: checkedUser(init, process),
    detach: options.detach ?? false,
  });
  if (options.detach !== true) options.onStart?.(started);
  return { exitCode: await started.ended };
}

/** In what the container sees, its mounts included. */
function checkedUser(init: number, process: ProcessConfig): ResolvedUser {
  using rootfs = new Rootfs(`/proc/${init}/root`);
  if (readlinkSync(`/proc/${init}/ns/mnt`) === readlinkSync("/proc/self/ns/mnt")) {
    throw new StorageError("ERR_FAILED_PRECONDITION", "cannot exec: the container has just ended", {
      details: { exitCode: exitCodes.failed },
    });
  }
  const user = resolveUser(rootfs, process.user);
  findExecutable(rootfs, process);
  return user;
}
