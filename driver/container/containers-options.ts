/** What containers are made of and stand on: given by whoever builds a store. */
import type { ImageDetails } from "../image/image-types.ts";
import type { Database } from "../metadata/database.ts";
import type { Snapshotter } from "../snapshot/snapshotter.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { ContainerInfo } from "./container.ts";
import type { MonitorOrder } from "./monitor-order.ts";

/** The part of images that containers need. */
export interface ImageLookup {
  /** @throws {StorageError} ERR_NOT_FOUND. */
  get(reference: string): Promise<ImageDetails>;
}

export interface ContainersOptions {
  readonly root: string;
  readonly state: string;
  readonly database: Database;
  readonly snapshotter: Snapshotter;
  readonly images: ImageLookup;
  readonly privileges: Privileges;
  /** "runc", "crun", a path, "chroot"; default $LAMINATE_RUNTIME, else what is there. */
  readonly runtime?: string;
  /** How to start a container's own process: see driver/monitor.ts. Without it there is no `start`. */
  readonly monitor?: { readonly file: string; readonly order: Omit<MonitorOrder, "id"> };
  /** Called after a container is gone. */
  readonly onRemoved?: (container: ContainerInfo) => Promise<void>;
}
