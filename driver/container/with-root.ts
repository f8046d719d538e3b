/** A container's files, reached from outside while it runs, or while it is kept from starting. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../base/errors.ts";
import { openDetached } from "../mount/detached.ts";
import { isMountPoint } from "../mount/mountinfo.ts";
import { O_DIRECTORY, O_PATH } from "../sys/constants.ts";
import { AT_FDCWD, closeFd, openat } from "../sys/linux.ts";
import type { ContainerStore } from "./container-store.ts";
import type { ContainerInfo, ContainerRoot, RootMount } from "./container.ts";
import { networkFileNames } from "./network-files.ts";
import { placeRootfs, removeRootfs } from "./rootfs-mount.ts";
import type { StateDir } from "./state-dir.ts";

const tries = 3;

/** See {@link import("./container.ts").Containers.withRoot}. */
export async function withRoot<T>(
  store: ContainerStore,
  wanted: string,
  work: (root: ContainerRoot) => Promise<T>,
): Promise<T> {
  const row = store.records.find(wanted);
  const state = store.stateOf(row.id);
  for (let attempt = 0; attempt < tries; attempt++) {
    const container = await store.settled(store.records.find(row.id));
    if (container === undefined) break;
    using lock = container.status === "running" ? undefined : store.tryLock(row.id);
    if (container.status !== "running" && lock === undefined) continue;
    using root = await openRoot(store, container, state);
    return await work({
      fd: root.fd,
      mounts: mountsOf(container, state),
      isReadonly: container.host.readonlyRootfs,
    });
  }
  throw new StorageError("ERR_UNAVAILABLE", `cannot reach container ${row.name}: it is being started or removed`);
}

interface OpenRoot extends Disposable {
  readonly fd: number;
}

async function openRoot({ options }: ContainerStore, container: ContainerInfo, state: StateDir): Promise<OpenRoot> {
  if (isMountPoint(state.rootfs)) return openPath(state.rootfs);
  const mounts = await options.snapshotter.mounts(container.id);
  const fd = options.privileges.canMount ? openDetached(mounts) : undefined;
  if (fd !== undefined) return opened(fd, () => undefined);
  return openPath(placeRootfs(mounts, state.rootfs, options.privileges), () => {
    if (container.status !== "running") removeRootfs(state.rootfs);
  });
}

function openPath(path: string, close: () => void = () => undefined): OpenRoot {
  return opened(openat(AT_FDCWD, path, O_PATH | O_DIRECTORY), close);
}

function opened(fd: number, close: () => void): OpenRoot {
  return {
    fd,
    [Symbol.dispose]: () => {
      closeFd(fd);
      close();
    },
  };
}

/** As they are mounted when it runs; a volume that has never been filled is the image's own directory. */
function mountsOf({ host: { mounts } }: ContainerInfo, state: StateDir): readonly RootMount[] {
  const generated = networkFileNames.map((name) => ({
    target: `/etc/${name}`,
    source: join(state.files, name),
    readonly: false,
  }));
  const own = mounts.flatMap((mount, index): readonly RootMount[] => {
    switch (mount.type) {
      case "tmpfs":
        return [];
      case "bind":
        return [{ target: mount.target, source: mount.source, readonly: mount.readonly }];
      case "volume":
        return [{ target: mount.target, source: join(state.kept, "volumes", String(index)), readonly: false }];
    }
  });
  return [...generated, ...own].filter(({ source }) => existsSync(source));
}
