/** Serving a store to a container runtime, as its callers see it; serve.ts does it. */
import type { RegistryOptions } from "./registry/registry-client.ts";

export interface ServeOptions {
  /** Serves Prometheus metrics on this "host:port"; port 0 takes a free one. */
  readonly metrics?: string;
  /** containerd's own socket, through which layers are read and written; /run/containerd/containerd.sock by default. */
  readonly containerd?: string;
  /**
   * Images that containerd asks for, with where they are from, are fetched and unpacked here, by clients of registries
   * with these options; what fails is left to containerd. Not done unless given.
   */
  readonly remote?: RegistryOptions;
  readonly socket?: {
    /** Default 0600. */
    readonly mode?: number;
    readonly uid?: number;
    readonly gid?: number;
  };
  /** Where systemd's variables are looked for, for a passed socket and for notifying it; default: nowhere. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ServedStorage extends AsyncDisposable {
  /** Path of the socket, or "fd 3" for systemd's. */
  readonly address: string;
  /** "127.0.0.1:9090", or null without. */
  readonly metrics: string | null;
  /** Takes no more connections, lets calls in flight end for `graceMs` and cancels the rest. Idempotent. */
  stop(graceMs: number): Promise<void>;
}
