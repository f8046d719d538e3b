/** A container's root file system in its place, and away again. */
import { mkdirSync } from "node:fs";
import { StorageError } from "../base/errors.ts";
import type { Mount } from "../mount/mount.ts";
import { isMountPoint } from "../mount/mountinfo.ts";
import { performMount, unmount } from "../mount/perform.ts";
import type { Privileges } from "../sys/privileges.ts";

/**
 * Mounts at `target`, made if missing, and returns the path of the root: `target`, or where we may not mount and the
 * snapshot is a plain directory, that directory.
 * @throws {StorageError} ERR_PERMISSION_DENIED for an overlay without the right to mount.
 */
export function placeRootfs(mounts: readonly Mount[], target: string, privileges: Privileges): string {
  if (!privileges.canMount) return plainDirectory(mounts);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  if (!isMountPoint(target)) performMount(mounts, target);
  return target;
}

/** Not mounted is fine. */
export function removeRootfs(target: string): void {
  if (isMountPoint(target)) unmount(target, { detach: true });
}

function plainDirectory(mounts: readonly Mount[]): string {
  const [only, ...others] = mounts;
  if (only === undefined || others.length > 0 || only.type !== "bind") {
    throw new StorageError(
      "ERR_PERMISSION_DENIED",
      "cannot mount the root file system: overlay needs privileges; use the copy backend as an ordinary user",
    );
  }
  return only.source;
}
