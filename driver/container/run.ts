/** One run of a container, from mounting its root to unmounting it. */
import type { Mount } from "../mount/mount.ts";
import { isMountPoint } from "../mount/mountinfo.ts";
import { asStorageError, isStorageError, StorageError } from "../base/errors.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { ContainerInfo, RunResult } from "./container.ts";
import { findExecutable } from "./executable.ts";
import { exitCodes, startFailure } from "./failure.ts";
import { initMount, withInit } from "./init.ts";
import type { Launch, Runtime, StartedProcess, Streams } from "./launch.ts";
import { networkFileNames, writeNetworkFiles } from "./network-files.ts";
import type { ContainerRecords } from "./records.ts";
import { placeMounts } from "./place-mounts.ts";
import { placeRootfs, removeRootfs } from "./rootfs-mount.ts";
import { Rootfs } from "./rootfs.ts";
import type { ContainerLock, StateDir } from "./state-dir.ts";
import { resolveUser } from "./user.ts";

export interface Run {
  readonly container: ContainerInfo;
  readonly state: StateDir;
  /** Held by the caller for all of the run. */
  readonly lock: ContainerLock;
  readonly records: ContainerRecords;
  /** Fails when the one that was asked for is not there. */
  readonly runtime: () => Promise<Runtime>;
  readonly mounts: () => Promise<readonly Mount[]>;
  readonly privileges: Privileges;
  /** Called once the root is mounted and the program is there. */
  readonly streams: () => Streams;
  readonly signal?: AbortSignal | undefined;
  /** Called once the program has been handed to the runtime. */
  readonly onStart: (started: StartedProcess) => void;
  /** Resolves once what the program wrote has been read, where that is ours to do. Asked for at its end. */
  readonly outputRead?: (() => Promise<void>) | undefined;
}

/** Failures carry details.exitCode. A root that was mounted before the run stays so. */
export async function runContainer(run: Run): Promise<RunResult> {
  const { container, state, records } = run;
  const wasMounted = isMountPoint(state.rootfs);
  // Recorded last: until then whoever meets the record without its lock does the rest, and finds the exit code.
  function ended(exitCode: number): void {
    state.writeExit(exitCode);
    try {
      if (!wasMounted) removeRootfs(state.rootfs);
      state.removeFiles();
    } finally {
      records.exited(container.id, exitCode);
    }
  }
  state.startExit();
  records.starting(container.id);
  let exitCode: number;
  try {
    const started = await start(run);
    records.started(container.id, started.pid);
    exitCode = await attend(started, run);
  } catch (error) {
    const failure = withExitCode(error);
    ended(Number(failure.details["exitCode"]));
    throw failure;
  }
  ended(exitCode);
  return { exitCode, isDetached: false };
}

async function start(run: Run): Promise<StartedProcess> {
  const { container, state, lock, runtime, privileges, signal } = run;
  const { process } = container;
  requireNotAborted(signal);
  const rootfs = placeRootfs(await run.mounts(), state.rootfs, privileges);
  const files = state.makeFiles();
  writeNetworkFiles(files, container.process.hostname, container.host);
  const { user, mounts } = prepare(run, rootfs);
  requireNotAborted(signal);
  const launch: Launch = {
    id: container.id,
    rootfs,
    files,
    process: container.host.init ? { ...process, args: withInit(process.args) } : process,
    host: container.host,
    mounts,
    streams: run.streams(),
    user,
    lockFd: lock.fd,
  };
  return (await runtime()).start(launch);
}

function prepare({ container, state, privileges }: Run, rootfsPath: string): Pick<Launch, "user" | "mounts"> {
  using rootfs = new Rootfs(rootfsPath);
  const { process } = container;
  const user = resolveUser(rootfs, process.user, container.host.groupAdd);
  rootfs.ensureDirectory(process.cwd);
  // Runtimes would make them too, and leave the time of doing it on the directory.
  for (const name of networkFileNames) rootfs.ensureFile(`/etc/${name}`);
  const mounts = placeMounts(container, rootfs, rootfsPath, state, privileges);
  // It may be in a mount: then the runtime finds it, or does not.
  if (mounts.length === 0) findExecutable(rootfs, process);
  if (!container.host.init) return { user, mounts };
  const init = initMount();
  rootfs.ensureFile(init.target);
  return { user, mounts: [...mounts, init] };
}

async function attend(started: StartedProcess, { signal, onStart, outputRead }: Run): Promise<number> {
  const kill = (): void => {
    started.kill("SIGKILL");
  };
  signal?.addEventListener("abort", kill, { once: true });
  if (signal?.aborted === true) kill();
  try {
    onStart(started);
    return await started.ended;
  } finally {
    signal?.removeEventListener("abort", kill);
    await outputRead?.();
  }
}

function requireNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw startFailure("it was canceled", 130, "ERR_CANCELED");
}

function withExitCode(error: unknown): StorageError {
  const failure = asStorageError(error, "cannot start container");
  if (isStorageError(error) && "exitCode" in failure.details) return failure;
  const details = { ...failure.details, exitCode: exitCodes.failed };
  return new StorageError(failure.code, failure.message, { details, cause: error });
}
