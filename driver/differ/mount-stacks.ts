/** What mounts mean, where that can be told without performing them: directories on top of each other. */
import { StorageError } from "../base/errors.ts";
import type { Mount } from "../mount/mount.ts";
import { parseOverlayOptions } from "../mount/overlay-options.ts";

/** Directories in overlay form. */
export interface OverlayStack {
  readonly type: "overlay";
  /** Undefined for a read-only one. */
  readonly upperDir: string | undefined;
  /** Topmost first. */
  readonly lowerDirs: readonly string[];
  readonly overlayXattr: "trusted.overlay." | "user.overlay.";
}

/** One directory as it is. */
export interface PlainDirectory {
  readonly type: "directory";
  readonly dir: string;
  readonly isReadOnly: boolean;
}

/** Undefined for anything but one overlay or one bind mount: what that shows only the kernel knows. */
export function stackOf(mounts: readonly Mount[]): OverlayStack | PlainDirectory | undefined {
  const [mount] = mounts;
  if (mount === undefined || mounts.length > 1 || mount.target !== "") return undefined;
  if (mount.type === "bind") {
    return { type: "directory", dir: mount.source, isReadOnly: mount.options.includes("ro") };
  }
  if (mount.type !== "overlay") return undefined;
  const { lowerDirs, upperDir, others } = parseOverlayOptions(mount.options);
  return {
    type: "overlay",
    upperDir: others.includes("ro") ? undefined : upperDir,
    lowerDirs,
    overlayXattr: others.includes("userxattr") ? "user.overlay." : "trusted.overlay.",
  };
}

/**
 * @throws {StorageError} ERR_UNIMPLEMENTED for mounts that only containerd can perform: those that its own handlers
 * turn into others, and those that map owners.
 */
export function requirePerformable(mounts: readonly Mount[], verb: string): void {
  const mapped = mounts.flatMap(({ options }) => options).find((option) => /^[ug]idmap=/.test(option));
  if (mapped !== undefined) throw new StorageError("ERR_UNIMPLEMENTED", `cannot ${verb}: it maps owners (${mapped})`);
  const handled = mounts.find(({ type }) => type.includes("/"));
  if (handled !== undefined) {
    throw new StorageError(
      "ERR_UNIMPLEMENTED",
      `cannot ${verb}: mount type ${JSON.stringify(handled.type)} is unknown`,
    );
  }
}
