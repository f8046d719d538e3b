/** `mount IMAGE`: a read-only view of an image at a path of its own, until it is unmounted. */
import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, encodedOf } from "../base/digest.ts";
import { StorageError, hasCode, isErrno } from "../base/errors.ts";
import { isMountPoint } from "../mount/mountinfo.ts";
import { performMount, unmount } from "../mount/perform.ts";
import type { Snapshotter } from "../snapshot/snapshotter.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { ImageStore, OpenImage } from "./image-store.ts";

export class ImageMounts {
  readonly #canMount: boolean;
  readonly #dir: string;
  readonly #images: ImageStore;
  readonly #snapshotter: Snapshotter;

  constructor(stateDir: string, images: ImageStore, snapshotter: Snapshotter, { canMount }: Privileges) {
    this.#canMount = canMount;
    this.#dir = join(stateDir, "mounts");
    this.#images = images;
    this.#snapshotter = snapshotter;
  }

  /**
   * Idempotent; returns the mount's path. Without the privilege to mount it is that of the tree itself, if it is one.
   * @throws {StorageError} ERR_NOT_FOUND for the image; ERR_FAILED_PRECONDITION for one without layers.
   */
  async mount(reference: string): Promise<string> {
    const image = await this.#images.find(reference);
    const top = image.chainIds.at(-1);
    if (top === undefined) {
      throw new StorageError("ERR_FAILED_PRECONDITION", `cannot mount ${reference}: the image has no layers`);
    }
    const target = this.#targetOf(image.descriptor.digest);
    const mounts = await this.#view(keyOf(image), top);
    const [only] = mounts;
    if (!this.#canMount && only !== undefined && mounts.length === 1 && only.type === "bind") return only.source;
    if (isMountPoint(target)) return target;
    await mkdir(target, { recursive: true, mode: 0o700 });
    performMount(mounts, target);
    return target;
  }

  /** @throws {StorageError} ERR_NOT_FOUND for the image; ERR_FAILED_PRECONDITION when it is not mounted or in use. */
  async unmount(reference: string): Promise<void> {
    const image = await this.#images.find(reference);
    const target = this.#targetOf(image.descriptor.digest);
    unmount(target);
    try {
      await this.#snapshotter.remove(keyOf(image));
    } catch (error) {
      if (!hasCode(error, "ERR_NOT_FOUND")) throw error;
      throw new StorageError("ERR_FAILED_PRECONDITION", `cannot unmount ${reference}: it is not mounted`);
    }
    await rmdir(target).catch((error: unknown) => {
      if (!isErrno(error, "ENOENT")) throw error;
    });
  }

  #targetOf(manifest: Digest): string {
    return join(this.#dir, encodedOf(manifest));
  }

  /** The view survives a reboot, its mount does not: then it is mounted again. */
  async #view(key: string, top: string): ReturnType<Snapshotter["mounts"]> {
    try {
      return await this.#snapshotter.view(key, top);
    } catch (error) {
      if (!hasCode(error, "ERR_ALREADY_EXISTS")) throw error;
      return this.#snapshotter.mounts(key);
    }
  }
}

function keyOf({ descriptor }: OpenImage): string {
  return `mount ${descriptor.digest}`;
}
