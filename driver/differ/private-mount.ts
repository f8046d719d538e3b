import type { Mount } from "../mount/mount.ts";
import { performMount, unmount } from "../mount/perform.ts";
import type { Snapshotter } from "../snapshot/snapshotter.ts";

export interface PrivateMount extends AsyncDisposable {
  readonly dir: string;
}

/**
 * Mounts where nobody else walks, in a staging directory: what a process that is killed leaves mounted goes with that.
 * @throws {StorageError} as performMount.
 */
export async function mountPrivately(snapshotter: Snapshotter, mounts: readonly Mount[]): Promise<PrivateMount> {
  const staging = await snapshotter.stage();
  const dir = `${staging.path}/fs`;
  try {
    performMount(mounts, dir);
  } catch (error) {
    await staging[Symbol.asyncDispose]();
    throw error;
  }
  return {
    dir,
    [Symbol.asyncDispose]: async () => {
      try {
        unmount(dir, { detach: true });
      } finally {
        await staging[Symbol.asyncDispose]();
      }
    },
  };
}
