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
  /** Null: no limit. */
  readonly pidsLimit: number | null;
  /** Of /dev/shm. */
  readonly shmBytes: number;
  readonly devices: readonly HostDevice[];
  /** By name, in the container's files, or by number; besides the user's own. */
  readonly groupAdd: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** "default", "unconfined", or the JSON of a profile. */
  readonly seccomp: string;
  /** No program gets more privileges by executing another. */
  readonly noNewPrivileges: boolean;
  /** Its first process is one that takes in orphans and passes on signals. */
  readonly init: boolean;
  readonly network: "host" | "none";
  /** Lines of its hosts file: a name and an address. */
  readonly extraHosts: readonly (readonly [name: string, address: string])[];
  /** For its resolv.conf; [] takes the host's. */
  readonly dns: {
    readonly servers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  /** The image's, with the caller's over them. */
  readonly labels: Readonly<Record<string, string>>;
  /** Asks the program to end. */
  readonly stopSignal: NodeJS.Signals;
  /** How long it is waited for then. */
  readonly stopSeconds: number;
}

/** A device of this machine, or a directory of them. */
export interface HostDevice {
  readonly source: string;
  readonly target: string;
  /** Of "rwm". */
  readonly access: string;
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
  pidsLimit: null,
  shmBytes: 64 * 1024 * 1024,
  devices: [],
  groupAdd: [],
  sysctls: {},
  seccomp: "default",
  noNewPrivileges: false,
  init: false,
  network: "host",
  extraHosts: [],
  dns: { servers: [], search: [], options: [] },
  labels: {},
  stopSignal: "SIGTERM",
  stopSeconds: 10,
};
