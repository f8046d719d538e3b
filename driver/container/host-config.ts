/** What a container gets of this machine, beyond what every container gets. */

export interface HostConfig {
  readonly mounts: readonly ContainerMount[];
  readonly readonlyRootfs: boolean;
  /** "CAP_CHOWN" and so on, or "ALL". */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  /** All capabilities and devices, nothing masked or read-only. */
  readonly privileged: boolean;
  readonly ulimits: readonly Ulimit[];
  /** Null: no limit. */
  readonly memoryBytes: number | null;
  /** Null: no limit. */
  readonly cpus: number | null;
  readonly network: "host" | "none";
  /** The image's, with the caller's over them. */
  readonly labels: Readonly<Record<string, string>>;
  /** Asks the program to end. */
  readonly stopSignal: NodeJS.Signals;
}

export type ContainerMount =
  | {
      readonly type: "bind";
      /** Absolute, on this machine. */
      readonly source: string;
      /** Absolute, in the container. */
      readonly target: string;
      readonly readonly: boolean;
    }
  | {
      readonly type: "tmpfs";
      readonly target: string;
      /** As mount(8) takes them: "size=64m", "mode=700". */
      readonly options: readonly string[];
    }
  | {
      /** A directory of the container's own, first filled with what the image has there. */
      readonly type: "volume";
      readonly target: string;
    };

export interface Ulimit {
  /** "nofile", as setrlimit(2) names it without RLIMIT_. */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

export const defaultHostConfig: HostConfig = {
  mounts: [],
  readonlyRootfs: false,
  capAdd: [],
  capDrop: [],
  privileged: false,
  ulimits: [],
  memoryBytes: null,
  cpus: null,
  network: "host",
  labels: {},
  stopSignal: "SIGTERM",
};
