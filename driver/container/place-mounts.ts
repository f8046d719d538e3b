/** The mounts of one container: their places in its root, made where missing, and the contents of its volumes. */
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { copyTree } from "../sys/copy-tree.ts";
import type { Privileges } from "../sys/privileges.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { ContainerInfo } from "./container.ts";
import { startFailure } from "./failure.ts";
import type { ContainerMount } from "./host-config.ts";
import type { PlacedMount } from "./launch.ts";
import type { Rootfs } from "./rootfs.ts";
import type { StateDir } from "./state-dir.ts";

const tmpfsOptions = ["nosuid", "nodev", "noexec"];

/**
 * Outer ones first.
 * @throws {StorageError} ERR_FAILED_PRECONDITION for a source that is not there, and where a target cannot be made.
 */
export function placeMounts(
  { host: { mounts } }: ContainerInfo,
  rootfs: Rootfs,
  rootfsPath: string,
  state: StateDir,
  privileges: Privileges,
): readonly PlacedMount[] {
  const depth = ({ target }: ContainerMount): number => target.split("/").length;
  return mounts
    .map((mount, index) => ({ mount, index }))
    .sort((one, other) => depth(one.mount) - depth(other.mount))
    .map(({ mount, index }) => {
      switch (mount.type) {
        case "tmpfs": {
          const target = `/${rootfs.ensureDirectory(mount.target)}`;
          return { type: "tmpfs", source: "tmpfs", target, options: [...tmpfsOptions, ...mount.options] };
        }
        case "bind": {
          const target = `/${isDirectory(mount.source) ? rootfs.ensureDirectory(mount.target) : rootfs.ensureFile(mount.target)}`;
          const options = ["rbind", "rprivate", mount.readonly ? "ro" : "rw"];
          return { type: "bind", source: mount.source, target, options };
        }
        case "volume": {
          const inside = rootfs.ensureDirectory(mount.target);
          const source = join(state.makeKept(), "volumes", String(index));
          if (!existsSync(source)) fill(source, join(rootfsPath, inside), privileges);
          return { type: "bind", source, target: `/${inside}`, options: ["rbind", "rprivate", "rw"] };
        }
      }
    });
}

/** Nothing runs in the container yet: who made the image cannot change what `original` is while it is copied. */
function fill(volume: string, original: string, privileges: Privileges): void {
  const part = `${volume}.part`;
  mkdirSync(join(volume, ".."), { recursive: true, mode: 0o700 });
  removeTree(part);
  copyTree(original, part, { privileges });
  renameSync(part, volume);
}

function isDirectory(source: string): boolean {
  try {
    return statSync(source).isDirectory();
  } catch {
    throw startFailure(`there is no ${source} to mount`);
  }
}
