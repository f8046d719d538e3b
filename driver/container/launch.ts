/** What starting a container takes, and what a runtime is to the rest of this folder. */
import type { ProcessConfig, RunningProcess } from "./container.ts";
import type { ResolvedUser } from "./user.ts";

/** All that a runtime has to know; everything in it has been checked against the root file system. */
export interface Launch {
  readonly id: string;
  /** Absolute; mounted, or a plain directory. */
  readonly rootfs: string;
  /** Directory of the container's generated files; private to us, and the runtime may write in it. */
  readonly files: string;
  readonly process: ProcessConfig;
  readonly user: ResolvedUser;
  /** Open file that must stay open as long as the container runs, without reaching the program in it. */
  readonly lockFd: number;
}

export interface StartedProcess extends RunningProcess {
  /** Rejects, with details.exitCode, when the program was never started. */
  readonly ended: Promise<number>;
}

export interface Runtime {
  readonly name: "runc" | "crun" | "chroot";
  /** Null for the built-in one. */
  readonly path: string | null;
  /** @throws {StorageError} with details.exitCode when not even the runtime starts. */
  start(launch: Launch): Promise<StartedProcess>;
  /** Ends a container that another process started; gone already is fine. Does not wait. */
  forceKill(id: string, pid: number): void;
}
