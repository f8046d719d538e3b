import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** True when a hierarchy still has a cgroup of the container. */
export function hasCgroup(id: string): boolean {
  const top = "/sys/fs/cgroup";
  return [".", ...readdirSync(top)].some((name) => existsSync(join(top, name, "laminate", id)));
}
