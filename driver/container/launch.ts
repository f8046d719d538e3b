/** What starting a container takes, and what a runtime is to the rest of this folder. */
import type { ProcessConfig, RunningProcess } from "./container.ts";
import type { HostConfig } from "./host-config.ts";
import type { ResolvedUser } from "./user.ts";

/** All that a runtime has to know; everything in it has been checked against the root file system. */
export interface Launch {
  readonly id: string;
  /** Absolute; mounted, or a plain directory. */
  readonly rootfs: string;
  /** Directory of the container's generated files; private to us, and the runtime may write in it. */
  readonly files: string;
  readonly process: ProcessConfig;
  readonly host: HostConfig;
  /** `host.mounts` with their places on this machine. */
  readonly mounts: readonly PlacedMount[];
  readonly streams: Streams;
  readonly user: ResolvedUser;
  /** Open file that must stay open as long as the container runs, without reaching the program in it. */
  readonly lockFd: number;
}

/** Of the program: ours, nowhere, or an open file, which its owner closes once the program has it. */
export interface Streams {
  readonly stdin: "inherit" | "ignore" | number;
  readonly stdout: "inherit" | "ignore" | number;
  readonly stderr: "inherit" | "ignore" | number;
}

export interface PlacedMount {
  readonly type: "bind" | "tmpfs";
  /** Of a bind: absolute, on this machine. */
  readonly source: string;
  /** In the container: absolute, and free of symlinks as its root file system is now. */
  readonly target: string;
  readonly options: readonly string[];
}

export interface StartedProcess extends RunningProcess {
  /** Of the runtime. */
  readonly pid: number;
  /** Resolves once the program has been executed; rejects as `ended` does. */
  executed(): Promise<void>;
  /** Rejects, with details.exitCode, when the program was never started. */
  readonly ended: Promise<number>;
}

export interface Runtime {
  readonly name: "runc" | "crun" | "chroot";
  /** Null for the built-in one. */
  readonly path: string | null;
  /** @throws {StorageError} with details.exitCode when not even the runtime starts. */
  start(launch: Launch): Promise<StartedProcess>;
  /** To a container that another process started; gone already is fine. Does not wait. `pid` as it was recorded. */
  signal(id: string, pid: number, signal: NodeJS.Signals): void;
  /** The id, on this machine, of the container's first process; undefined when there is none. */
  initPid(id: string, pid: number): number | undefined;
  /** Stops all processes of a running container, or lets them go on. */
  freeze(id: string, pid: number): void;
  thaw(id: string, pid: number): void;
  /** @throws {StorageError} ERR_UNIMPLEMENTED where it cannot be done. */
  exec(order: ExecOrder): Promise<StartedProcess>;
}

/** Another program in a running container. */
export interface ExecOrder {
  readonly id: string;
  /** For generated files; private to us. */
  readonly files: string;
  readonly process: ProcessConfig;
  readonly host: HostConfig;
  readonly user: ResolvedUser;
  readonly streams: Streams;
  readonly detach: boolean;
}
