/** A snapshotter behind a socket: that of `laminate serve`, of containerd itself, or of anyone who serves the same. */
import type { Usage } from "../extract/staged-layer.ts";
import { StorageError } from "../base/errors.ts";
import type { Mount } from "../mount/mount.ts";
import type { CommitSnapshotOptions, SnapshotInfo, SnapshotOptions } from "../snapshot/snapshotter.ts";
import { Channel, type ChannelOptions } from "./channel.ts";
import { Snapshots } from "./gen/containerd/services/snapshots/v1/snapshots_pb.ts";
import { socketPath } from "./socket.ts";
import type { ServedSnapshotter } from "./snapshots-service.ts";
import { infoFromWire, mountsFromWire } from "./snapshots-wire.ts";

export interface SnapshotsClientOptions extends ChannelOptions {
  /** Which of the server's snapshotters; a server of one ignores it. */
  readonly snapshotter?: string;
}

/** Errors are as the server's snapshotter throws them; ERR_UNAVAILABLE without a server, or once disposed of. */
export class SnapshotsClient implements ServedSnapshotter, AsyncDisposable {
  readonly #channel: Channel;
  readonly #snapshotter: string;
  #isClosed = false;

  /** @param address as of {@link listenOnPath}; connected to at the first call */
  constructor(address: string, { snapshotter = "laminate", ...options }: SnapshotsClientOptions = {}) {
    this.#channel = new Channel(socketPath(address), options);
    this.#snapshotter = snapshotter;
  }

  async stat(key: string): Promise<SnapshotInfo> {
    const { info } = await this.#open().unary(Snapshots.method.stat, { snapshotter: this.#snapshotter, key });
    return infoFromWire(info);
  }

  async update(
    { name, labels }: { name: string; labels: Readonly<Record<string, string>> },
    fieldPaths: readonly string[] = [],
  ): Promise<SnapshotInfo> {
    const { info } = await this.#open().unary(Snapshots.method.update, {
      snapshotter: this.#snapshotter,
      info: { name, labels: { ...labels } },
      updateMask: { paths: [...fieldPaths] },
    });
    return infoFromWire(info);
  }

  async usage(key: string): Promise<Usage> {
    const usage = await this.#open().unary(Snapshots.method.usage, { snapshotter: this.#snapshotter, key });
    return { inodes: Number(usage.inodes), sizeBytes: Number(usage.size) };
  }

  async mounts(key: string): Promise<readonly Mount[]> {
    const { mounts } = await this.#open().unary(Snapshots.method.mounts, { snapshotter: this.#snapshotter, key });
    return mountsFromWire(mounts);
  }

  async prepare(key: string, parent: string, { labels = {} }: SnapshotOptions = {}): Promise<readonly Mount[]> {
    const request = { snapshotter: this.#snapshotter, key, parent, labels: { ...labels } };
    return mountsFromWire((await this.#open().unary(Snapshots.method.prepare, request)).mounts);
  }

  async view(key: string, parent: string, { labels = {} }: SnapshotOptions = {}): Promise<readonly Mount[]> {
    const request = { snapshotter: this.#snapshotter, key, parent, labels: { ...labels } };
    return mountsFromWire((await this.#open().unary(Snapshots.method.view, request)).mounts);
  }

  async commit(name: string, key: string, { labels = {}, parent = "" }: CommitSnapshotOptions = {}): Promise<void> {
    const request = { snapshotter: this.#snapshotter, name, key, labels: { ...labels }, parent };
    await this.#open().unary(Snapshots.method.commit, request);
  }

  async remove(key: string): Promise<void> {
    await this.#open().unary(Snapshots.method.remove, { snapshotter: this.#snapshotter, key });
  }

  async *walk(filters: readonly string[] = []): AsyncGenerator<SnapshotInfo, void, undefined> {
    const request = { snapshotter: this.#snapshotter, filters: [...filters] };
    for await (const { info } of this.#open().serverStream(Snapshots.method.list, request)) {
      yield* info.map(infoFromWire);
    }
  }

  async cleanup(): Promise<void> {
    await this.#open().unary(Snapshots.method.cleanup, { snapshotter: this.#snapshotter });
  }

  /** Idempotent. The server stays. */
  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) this.#channel[Symbol.dispose]();
    this.#isClosed = true;
    return Promise.resolve();
  }

  #open(): Channel {
    if (!this.#isClosed) return this.#channel;
    throw new StorageError("ERR_UNAVAILABLE", `cannot use snapshots of ${this.#channel.address}: the client is closed`);
  }
}
