/** How a container's own process is told what to attend to (see detached.ts and driver/monitor.ts). */
import type { Durability } from "../metadata/database.ts";

/** Descriptors of the attending process. */
export const monitorFds = { client: 3, lock: 4 } as const;

/** Its argument, as JSON. */
export interface MonitorOrder {
  readonly id: string;
  readonly root: string;
  readonly state: string;
  readonly backend: "overlay" | "copy";
  readonly durability: Durability;
}
