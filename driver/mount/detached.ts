import { asStorageError } from "../base/errors.ts";
import { O_DIRECTORY, O_PATH } from "../sys/constants.ts";
import { AT_FDCWD, openat } from "../sys/linux.ts";
import { createOverlay } from "./mount-overlay.ts";
import { parseMountFlags } from "./mount-flags.ts";
import type { Mount } from "./mount.ts";
import { parseOverlayOptions } from "./overlay-options.ts";

/**
 * Opens what `mounts` show without mounting it anywhere: a descriptor (O_PATH) of its root. However this process ends,
 * nothing stays mounted. Undefined where that cannot be: on a kernel before 6.8, for several mounts.
 * @throws {StorageError} ERR_PERMISSION_DENIED; others by errno.
 */
export function openDetached(mounts: readonly Mount[]): number | undefined {
  const [only, ...others] = mounts;
  if (only === undefined || others.length > 0) return undefined;
  try {
    if (only.type === "bind") return openat(AT_FDCWD, only.source, O_PATH | O_DIRECTORY);
    const { flags, rest } = parseMountFlags(only.options);
    return only.type === "overlay" ? createOverlay(parseOverlayOptions(rest), flags) : undefined;
  } catch (error) {
    throw asStorageError(error, "cannot open a snapshot");
  }
}
