/** The shape of a store as its callers see it; storage.ts builds it. */
import type { Writable } from "node:stream";
import type { CopyOptions } from "./archive/copy.ts";
import type { Logger } from "./base/logger.ts";
import type { Containers } from "./container/container.ts";
import type { ContainerdOptions } from "./containerd/target.ts";
import type { CommitOptions, CommittedImage } from "./image/commit.ts";
import type { ContainerChange } from "./image/container-changes.ts";
import type { FlattenedImage, FlattenOptions } from "./image/flatten.ts";
import type {
  DiskUsage,
  HistoryRow,
  ImageDetails,
  ImageSummary,
  LayerProgress,
  LoadedImage,
  RemovedImage,
} from "./image/image-types.ts";
import type { ImportedImage, ImportOptions } from "./image/import.ts";
import type { PruneOptions } from "./image/prune.ts";
import type { PulledImage } from "./image/pull.ts";
import type { PushedImage } from "./image/push.ts";
import type { SaveOptions } from "./image/save.ts";
import type { LayerLimits } from "./layer/tasks.ts";
import type { RegistryClient } from "./registry/registry-client.ts";
import type { ServedStorage, ServeOptions } from "./serve-types.ts";
import type { Snapshotter } from "./snapshot/snapshotter.ts";
import type { KernelFeatures } from "./sys/kernel.ts";

export interface StorageOptions {
  /**
   * Where images and snapshots are kept. Default: $LAMINATE_ROOT, else /var/lib/laminate for root, else
   * $XDG_DATA_HOME (~/.local/share) with /laminate.
   */
  readonly root?: string;
  /**
   * Where mounts and running containers live. Default: $LAMINATE_STATE, else `<root>/state` below a root of one's own
   * choice, else /run/laminate for root, else $XDG_RUNTIME_DIR/laminate.
   */
  readonly state?: string;
  /** "auto" takes overlay where a mount of it works on `root`'s file system. */
  readonly backend?: "auto" | "overlay" | "copy";
  /** Which SHA-256 runs; "auto" measures. */
  readonly digest?: "auto" | "wasm" | "native";
  /** "none" leaves out the syncs: a power cut may lose or break what was written last. */
  readonly durability?: "full" | "none";
  readonly logger?: Logger;
  /** Layers worked on at once. */
  readonly threads?: number;
  readonly limits?: Partial<LayerLimits>;
  /**
   * Where trees are deleted and measured and file systems synced. "inline", the default, keeps other calls of this
   * process waiting meanwhile; with "threads", for a service, they go on, and what is removed is deleted after the call,
   * or after the next opening of the store.
   */
  readonly slowWork?: "inline" | "threads";
}

export interface LoadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LayerProgress) => void;
  /** os/architecture[/variant]; default: this machine's. */
  readonly platform?: string;
  /**
   * Load or pull into a containerd whose snapshotter this store is, instead of the store: unpacked there, lent from it,
   * and runnable there at once. Existing names are moved.
   */
  readonly containerd?: ContainerdOptions | undefined;
}

export interface PullOptions extends LoadOptions {
  /** How registries are spoken to; the defaults unless given. It is not closed here. */
  readonly client?: RegistryClient;
}

export interface PushOptions {
  readonly client?: RegistryClient;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LayerProgress) => void;
}

export interface StorageCommitOptions extends CommitOptions {
  /** Stops the container while its files are copied; true by default. */
  readonly pause?: boolean | undefined;
}

/**
 * Names of images in the methods below: a reference ("debian", "docker.io/library/debian:12"), a digest, or an image
 * ID or a prefix of one (4 hex digits or more).
 */
export interface Images {
  list(): Promise<readonly ImageSummary[]>;
  /** @throws {StorageError} ERR_NOT_FOUND "cannot find image …"; ERR_INVALID_ARGUMENT for a prefix of several. */
  get(reference: string): Promise<ImageDetails>;
  /** Newest first. @throws as {@link get}. */
  history(reference: string): Promise<readonly HistoryRow[]>;
  tag(source: string, target: string): Promise<void>;
  /**
   * Takes a name away, and with the last one the image and the layers that no other image has.
   * @throws {StorageError} as {@link get}; ERR_FAILED_PRECONDITION while a container uses it.
   */
  remove(reference: string, options?: { readonly force?: boolean }): Promise<RemovedImage>;
  /**
   * Makes an image with the files and the config of another, in one layer.
   * @throws {StorageError} as {@link get}; ERR_FAILED_PRECONDITION for an image without layers; ERR_INVALID_ARGUMENT for
   * the new reference; the signal's reason.
   */
  flatten(reference: string, options?: FlattenOptions): Promise<FlattenedImage>;
  /** Removes the images that no container uses: those without a name, or all. */
  prune(options?: PruneOptions): Promise<RemovedImage>;
}

export interface StorageInfo {
  readonly version: string;
  readonly root: string;
  readonly state: string;
  readonly backend: "overlay" | "copy";
  readonly backendReason: string;
  readonly digestEngine: "wasm" | "native";
  readonly digestReason: string;
  readonly wasmSimd: boolean;
  readonly kernel: KernelFeatures;
  /** Null: the built-in chroot runner is used. */
  readonly runtime: { readonly name: string; readonly path: string } | null;
  readonly images: number;
  readonly containers: number;
  readonly snapshots: number;
}

/** An open store. Many processes may have the same one open. Dispose it to stop its threads and close its files. */
export interface Storage extends AsyncDisposable {
  readonly root: string;
  readonly state: string;
  readonly snapshots: Snapshotter;
  readonly images: Images;
  readonly containers: Containers;
  /**
   * Loads images from a docker-archive, an oci-archive or an OCI image layout: a path, "docker-archive:FILE",
   * "oci-archive:FILE", "oci:DIR[:TAG]", or "-" for an archive on standard input.
   */
  load(locator: string, options?: LoadOptions): Promise<readonly LoadedImage[]>;
  /**
   * Fetches an image from a registry: "debian", "localhost:5000/app:1", "debian@sha256:…". Layers are unpacked while they
   * arrive; what a pull that was killed has fetched is not fetched again.
   * @throws {StorageError} ERR_INVALID_ARGUMENT for the reference; ERR_NOT_FOUND, ERR_UNAUTHENTICATED,
   * ERR_PERMISSION_DENIED, ERR_UNAVAILABLE as the registry says; ERR_DATA_LOSS for bytes that are not the promised ones;
   * the signal's reason.
   */
  pull(reference: string, options?: PullOptions): Promise<PulledImage>;
  /**
   * Sends an image to the registry in its name, as it is stored; blobs that are there are not sent.
   * @throws {StorageError} ERR_NOT_FOUND for the image; otherwise as {@link pull}.
   */
  push(reference: string, options?: PushOptions): Promise<PushedImage>;
  /**
   * Makes an image of a container: its own image's layers and one with what it has changed, run as it is run.
   * @throws {StorageError} ERR_NOT_FOUND; ERR_INVALID_ARGUMENT for a reference or a change; ERR_FAILED_PRECONDITION when
   * the container's image was removed; the signal's reason.
   */
  commit(container: string, options?: StorageCommitOptions): Promise<CommittedImage>;
  /**
   * Writes images as they are stored: an archive to a stream, or an OCI layout into a folder, made if missing.
   * @throws {StorageError} ERR_NOT_FOUND for an image; ERR_ALREADY_EXISTS when something is in the folder.
   */
  save(references: readonly string[], target: Writable | string, options?: SaveOptions): Promise<void>;
  /**
   * Makes an image of one layer from a tar of a root file system, plain or compressed with gzip or zstd: a path, or "-"
   * for standard input.
   * @throws {StorageError} ERR_NOT_FOUND; ERR_INVALID_ARGUMENT for what is no tar, a reference or a change; ERR_DATA_LOSS
   * for a damaged one; the signal's reason.
   */
  import(source: string, options?: ImportOptions): Promise<ImportedImage>;
  /**
   * Writes all files that a container has, running or not, as a tar, without volumes and other mounts. Returns what could
   * not be kept, for people.
   */
  export(container: string, target: Writable, options?: { readonly signal?: AbortSignal }): Promise<readonly string[]>;
  /**
   * Copies from `path` in a container, running or not, to a path of this machine, or into a stream as a tar: by Docker's
   * rules for directories and "/.", and safely whatever runs in the container. Returns what could not be kept.
   * @throws {StorageError} ERR_NOT_FOUND; ERR_FAILED_PRECONDITION for a target that is in the way; the signal's reason.
   */
  copyFrom(
    container: string,
    path: string,
    target: string | Writable,
    options?: CopyOptions,
  ): Promise<readonly string[]>;
  /**
   * The way back: from a path of this machine, or a tar (plain or compressed) in a stream into a directory.
   * @throws {StorageError} as {@link copyFrom}; ERR_PERMISSION_DENIED for a read-only container or mount;
   * ERR_INVALID_ARGUMENT for what is no tar.
   */
  copyTo(
    container: string,
    source: string | AsyncIterable<Uint8Array>,
    path: string,
    options?: CopyOptions,
  ): Promise<readonly string[]>;
  /**
   * What a container has changed, or an image's or a layer's topmost layer; with `other` what that has that `name` has
   * not: of containers, images, and layers with those below them, by chainID, diffID or digest. In order of path.
   * @throws {StorageError} ERR_NOT_FOUND; ERR_INVALID_ARGUMENT for digits of several layers.
   */
  diff(name: string, other?: string): Promise<readonly ContainerChange[]>;
  /** Mounts the image read-only below the state directory; returns the path. Idempotent. */
  mountImage(reference: string): Promise<string>;
  unmountImage(reference: string): Promise<void>;
  diskUsage(): Promise<DiskUsage>;
  /**
   * Serves the snapshots to containerd, on a unix socket: `address` is its path, or "unix://" and a path. To be stopped
   * before the store is closed.
   * @throws {StorageError} ERR_UNAVAILABLE when somebody serves there; ERR_INVALID_ARGUMENT; ERR_ALREADY_EXISTS for a
   * file that is not a socket.
   */
  serve(address: string, options?: ServeOptions): Promise<ServedStorage>;
  info(): Promise<StorageInfo>;
}
