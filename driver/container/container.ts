/**
 * Containers: what the words mean and what `Containers` promises. This folder owns the `containers` table, the state
 * directory of each container and the processes that run in them.
 *
 * A container is an active snapshot on its image's top chainID, with the container's id as the snapshot's key, plus a
 * record of how to run it. Its root file system is mounted at `<state>/containers/<id>/rootfs` while it runs or while
 * someone asked for it with `mount`, never longer. What must survive a reboot, its log and its volumes, is in
 * `<root>/containers/<id>`.
 *
 * One process owns a run from start to end, one of the container's own (driver/monitor.ts); whoever wants to see what the
 * program writes, or to type for it, is a client of that process, and may be killed without harm to it. A container runs
 * exactly while its `lock` file is locked: the lock is handed to the owner and shared with the runtime's process.
 * Any process may be killed at any point. A record that says "running", "creating" or "removing" without the lock is put
 * right by whoever opens the store next: what still runs is ended, what is mounted unmounted, what was half made or half
 * removed is removed. The same goes for a container whose own process was killed while its program runs.
 */
import type { Digest } from "../base/digest.ts";
import type { HostConfig } from "./host-config.ts";

/** "created" has never run; "exited" has, even if it never reached its program. A paused container is running. */
export type ContainerStatus = "created" | "running" | "exited";

/** How a container runs, complete: the image's config with the caller's options over it. */
export interface ProcessConfig {
  /** Program and arguments, at least one. */
  readonly args: readonly string[];
  /** How many of {@link args} are the entrypoint's; the others are the command's. */
  readonly entrypointArgs?: number;
  /** "KEY=value", each key once. */
  readonly env: readonly string[];
  /** Absolute path in the container. */
  readonly cwd: string;
  /** "", "name", "uid", "name:group", "uid:gid": resolved in the container's own files when it starts. */
  readonly user: string;
  readonly hostname: string;
  /** The program gets a terminal. */
  readonly tty: boolean;
  /** The program reads what its clients send; without it its input is empty, or a terminal nobody types on. */
  readonly interactive: boolean;
  /** Its input goes on when a client's has ended. */
  readonly keepsInput: boolean;
}

export interface ContainerInfo {
  /** 64 hex digits; also the key of its snapshot. */
  readonly id: string;
  readonly name: string;
  /** The image as the caller named it. */
  readonly image: string;
  readonly imageId: Digest;
  readonly manifestDigest: Digest;
  readonly created: string;
  /** RFC 3339; null until then. */
  readonly started: string | null;
  readonly finished: string | null;
  readonly status: ContainerStatus;
  /** Its processes are stopped until it is resumed. */
  readonly paused: boolean;
  /** Of the last run; null before its end. */
  readonly exitCode: number | null;
  /** Of the runtime's process on this machine, while running. */
  readonly pid: number | null;
  /** The container goes when its program ends. */
  readonly autoRemove: boolean;
  readonly process: ProcessConfig;
  readonly host: HostConfig;
  /** Where the root file system is when mounted. */
  readonly rootfs: string;
}

export interface CreateOptions {
  /** Name, id or digest of an image. */
  readonly image: string;
  /** `[a-zA-Z0-9][a-zA-Z0-9_.-]+`; made up when absent. */
  readonly name?: string;
  /** Replaces the image's Cmd. */
  readonly command?: readonly string[];
  /** Replaces the image's Entrypoint and drops its Cmd; [] clears both. */
  readonly entrypoint?: readonly string[];
  /** "KEY=value" sets, "KEY" alone removes. */
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly tty?: boolean;
  readonly interactive?: boolean;
  readonly keepsInput?: boolean;
  readonly autoRemove?: boolean;
  readonly host?: Partial<HostConfig>;
  /** os/architecture[/variant] that the image must be for. */
  readonly platform?: string;
  /**
   * `run` or `start` follows at once from this process. Should it be killed before, a container that removes itself is
   * taken away by whoever meets it.
   */
  readonly startsAtOnce?: boolean;
}

/** A container's process from its start to its end. */
export interface RunningProcess {
  /** To the program, through the runtime. SIGKILL ends it whatever it does. */
  kill(signal: NodeJS.Signals): void;
}

/** Our own standard streams become those of a program. */
export interface AttachOptions {
  /** False: nothing that is typed or piped to us is for the program. True by default, for a program that reads. */
  readonly input?: boolean;
  /** Typed on our terminal they leave the program alone: "ctrl-p,ctrl-q" by default, "" for none. */
  readonly detachKeys?: string | undefined;
  /** The same without typing. */
  readonly detach?: AbortSignal;
  /** From now on signals can be sent to the program. */
  readonly onStart?: (process: RunningProcess) => void;
}

export interface RunOptions extends AttachOptions {
  readonly stdio: "inherit";
  /** Before the start: gives up. After it: kills the program. */
  readonly signal?: AbortSignal;
}

export interface RunResult {
  /** The program's own, or 128 + n when signal n ended it; 0 when it was left alone. */
  readonly exitCode: number;
  /** It was left alone, and runs on. */
  readonly isDetached: boolean;
}

export interface LogOptions {
  /** Goes on until the container has ended. */
  readonly follow?: boolean;
  /** Only so many of the last lines. */
  readonly tail?: number;
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly until?: number;
  readonly signal?: AbortSignal;
}

export interface LogLine {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339. */
  readonly time: string;
  /** With its newline, unless the program left it out. */
  readonly text: string;
}

export interface StopOptions {
  /** Sent first; default: the image's or the container's own, else SIGTERM. */
  readonly signal?: NodeJS.Signals;
  /** Until SIGKILL; default 10. */
  readonly timeoutSeconds?: number;
}

/** Figures are null where this machine does not tell them. Network: 0 for a container on this machine's own. */
export interface ContainerStats {
  readonly id: string;
  readonly name: string;
  readonly isRunning: boolean;
  /** On the clock of `performance.now()`. */
  readonly takenMs: number;
  /** Since its start, on all processors. */
  readonly cpuNanos: number | null;
  readonly memoryBytes: number | null;
  /** Its own limit, or this machine's memory. */
  readonly memoryLimitBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** From and to disks. */
  readonly readBytes: number | null;
  readonly writtenBytes: number | null;
  /** Processes and threads. */
  readonly pids: number | null;
}

export interface ExecOptions {
  readonly command: readonly string[];
  /** "KEY=value" sets, "KEY" alone removes; over the container's own. */
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly tty?: boolean;
  readonly interactive?: boolean;
  readonly privileged?: boolean;
  /** Does not wait for its end; the exit code is 0. Without a terminal, then. */
  readonly detach?: boolean;
  readonly onStart?: (process: RunningProcess) => void;
}

/** Something of this machine in a container's root. */
export interface RootMount {
  /** Absolute, in the container. */
  readonly target: string;
  /** Absolute, on this machine: a directory or a file. */
  readonly source: string;
  readonly readonly: boolean;
}

export interface ContainerRoot {
  /** Of the root directory (O_PATH), without the mounts; valid until the work is done. */
  readonly fd: number;
  /** What shows in place of its own files: volumes, binds and generated files, no tmpfs. */
  readonly mounts: readonly RootMount[];
  /** The container itself may not write to its own files. */
  readonly isReadonly: boolean;
}

/**
 * Identifiers are an id, a unique prefix of one (4 hex digits or more) or a name.
 * Every method that takes one throws ERR_NOT_FOUND "cannot find container …" or, for a prefix of several,
 * ERR_INVALID_ARGUMENT.
 */
export interface Containers {
  /**
   * Makes the snapshot and the record; nothing runs or is mounted yet.
   * @throws {StorageError} ERR_NOT_FOUND for the image; ERR_ALREADY_EXISTS for the name; ERR_INVALID_ARGUMENT for
   * options or when there is no command; ERR_FAILED_PRECONDITION for an image without layers.
   */
  create(options: CreateOptions): Promise<ContainerInfo>;

  /**
   * Runs the container's program to its end; nothing stays mounted, whatever happens.
   * @throws {StorageError} when the program did not start; details.exitCode is 127 when it was not found, 126 when it
   * cannot be executed, 125 otherwise. ERR_FAILED_PRECONDITION if it is running already; ERR_CANCELED for `signal`.
   */
  run(id: string, options: RunOptions): Promise<RunResult>;

  /**
   * Runs the program without us: a process of its own attends to it, keeps its output (see {@link logs}) and its exit
   * code. Returns once the program runs or has ended.
   * @throws {StorageError} as {@link run}.
   */
  start(id: string): Promise<ContainerInfo>;

  /**
   * Our standard streams on a program that runs already, to its end.
   * @throws {StorageError} ERR_FAILED_PRECONDITION when it does not run or is paused; ERR_INVALID_ARGUMENT for the keys.
   */
  attach(id: string, options?: AttachOptions): Promise<RunResult>;

  /** What the program wrote: oldest first, over all its runs. */
  logs(id: string, options?: LogOptions): AsyncIterable<LogLine>;

  /** Resolves with the exit code once the container does not run: at once if it does not now. */
  wait(id: string, signal?: AbortSignal): Promise<number>;

  /** Not running is fine. Resolves once it has ended. */
  stop(id: string, options?: StopOptions): Promise<void>;

  /** @throws {StorageError} ERR_FAILED_PRECONDITION when it does not run. */
  kill(id: string, signal?: NodeJS.Signals): Promise<void>;

  /** @throws {StorageError} ERR_ALREADY_EXISTS; ERR_INVALID_ARGUMENT. */
  rename(id: string, name: string): Promise<void>;

  /**
   * Runs another program in a running container, on our standard streams.
   * @throws {StorageError} as {@link run}; ERR_FAILED_PRECONDITION when it does not run or is paused;
   * ERR_UNIMPLEMENTED by the built-in runner.
   */
  exec(id: string, options: ExecOptions): Promise<RunResult>;

  /** Stops all its processes. @throws {StorageError} ERR_FAILED_PRECONDITION when it does not run, or is paused. */
  pause(id: string): Promise<void>;

  /** @throws {StorageError} ERR_FAILED_PRECONDITION when it is not paused. */
  unpause(id: string): Promise<void>;

  /**
   * Does `work` while nothing in the container runs: pauses it if it runs, and lets it go on afterwards. Should we be
   * killed in between, whoever opens the store next lets it go on.
   */
  pauseWhile<T>(id: string, work: () => Promise<T>): Promise<T>;

  /**
   * Opens its files for `work`: while it runs it may change them meanwhile, and while it does not it cannot be started or
   * removed meanwhile. Nothing is left mounted.
   * @throws {StorageError} ERR_UNAVAILABLE while it is being started or removed; ERR_PERMISSION_DENIED for an overlay
   * without the right to mount.
   */
  withRoot<T>(id: string, work: (root: ContainerRoot) => Promise<T>): Promise<T>;

  /** Ids, on this machine, of its processes. @throws {StorageError} ERR_FAILED_PRECONDITION when it does not run. */
  processes(id: string): Promise<readonly number[]>;

  /** What it uses now, all zero when it does not run. */
  stats(id: string): Promise<ContainerStats>;

  /** Newest first. */
  list(): Promise<readonly ContainerInfo[]>;

  get(id: string): Promise<ContainerInfo>;

  /**
   * Deletes snapshot, record and state.
   * @throws {StorageError} ERR_FAILED_PRECONDITION while it runs, unless `force`: that kills it first.
   */
  remove(id: string, options?: { readonly force?: boolean }): Promise<void>;

  /** Mounts the root file system for inspection, writable; idempotent. Returns its path. */
  mount(id: string): Promise<string>;

  /** @throws {StorageError} ERR_FAILED_PRECONDITION while it runs. Not mounted is fine. */
  unmount(id: string): Promise<void>;
}
