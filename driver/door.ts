/** What of the public door is quick to load: all but the client of registries, which most commands do without. */
export { createStorage } from "./storage.ts";
export type {
  Images,
  LoadOptions,
  PullOptions,
  PushOptions,
  Storage,
  StorageCommitOptions,
  StorageInfo,
  StorageOptions,
} from "./storage-types.ts";
export type { ServedStorage, ServeOptions } from "./serve-types.ts";
export { checkServer, serveSnapshotter } from "./plugin/door.ts";
export { type ErrorCode, type ErrorDetails, errorCodes, hasCode, isStorageError, StorageError } from "./base/errors.ts";
export type { CopyOptions } from "./archive/copy.ts";
export type { ChainId, DiffId, Digest } from "./base/digest.ts";
export type { Logger } from "./base/logger.ts";
export type {
  AttachOptions,
  ContainerInfo,
  ContainerRoot,
  Containers,
  ContainerStats,
  ContainerStatus,
  CreateOptions,
  ExecOptions,
  LogLine,
  LogOptions,
  ProcessConfig,
  RunningProcess,
  RunOptions,
  RunResult,
  StopOptions,
} from "./container/container.ts";
export type { ContainerMount, HostConfig, HostDevice, Ulimit } from "./container/host-config.ts";
export { parseSignal } from "./container/signals.ts";
export type { ContainerdOptions } from "./containerd/target.ts";
export type { CommitOptions, CommittedImage } from "./image/commit.ts";
export type { FlattenedImage, FlattenOptions } from "./image/flatten.ts";
export type { ImportedImage, ImportOptions } from "./image/import.ts";
export type { PrunableImage, PruneOptions } from "./image/prune.ts";
export type { PulledImage } from "./image/pull.ts";
export type { PushedImage } from "./image/push.ts";
export { parseReference, type Reference } from "./oci/reference.ts";
export type { SaveFormat, SaveOptions } from "./image/save.ts";
export type { ContainerChange } from "./image/container-changes.ts";
export type { Usage } from "./extract/staged-layer.ts";
export type {
  DiskUsage,
  HistoryRow,
  ImageDetails,
  ImageLayer,
  ImageSummary,
  LayerProgress,
  LoadedImage,
  RemovedImage,
} from "./image/image-types.ts";
export type { Mount } from "./mount/mount.ts";
export type { Descriptor } from "./oci/descriptor.ts";
export type { Platform } from "./oci/platform.ts";
export type { ImageConfig } from "./oci/image-config.ts";
export type { Manifest } from "./oci/manifest.ts";
export type { SnapshotInfo, SnapshotKind, SnapshotOptions, Snapshotter } from "./snapshot/snapshotter.ts";
export type { KernelFeatures } from "./sys/kernel.ts";
export type { TarLimits } from "./tar/entry.ts";
