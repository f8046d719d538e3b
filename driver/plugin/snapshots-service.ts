/**
 * containerd.services.snapshots.v1.Snapshots over any snapshotter: this turns messages into calls and back, and nothing
 * else. What a call means, and with which code it refuses, is the snapshotter's.
 *
 * The `snapshotter` field of requests names containerd's plugin and the namespace is part of containerd's keys, so that
 * neither matters here; calls of containerd's garbage collector have no namespace header at all.
 */
import { StorageError } from "../base/errors.ts";
import type { SnapshotOptions, Snapshotter } from "../snapshot/snapshotter.ts";
import { Snapshots } from "./gen/containerd/services/snapshots/v1/snapshots_pb.ts";
import { type GrpcService, grpcService } from "./service.ts";
import { infoToWire, mountsToWire } from "./snapshots-wire.ts";

/**
 * What containerd needs of a snapshotter. Wrap one to change what a call does, such as a `prepare` that brings an
 * image's content itself and then throws ERR_ALREADY_EXISTS, containerd's word for "nothing to fetch".
 */
export type ServedSnapshotter = Pick<
  Snapshotter,
  "stat" | "update" | "usage" | "mounts" | "view" | "commit" | "remove" | "walk" | "cleanup"
> & {
  prepare(key: string, parent: string, options?: PrepareOptions): ReturnType<Snapshotter["prepare"]>;
};

export interface PrepareOptions extends SnapshotOptions {
  /** Aborts when the client gives up or goes away. */
  readonly signal?: AbortSignal;
}

/** As many as containerd's own server puts into one message. */
const infosPerMessage = 100;

export function snapshotsService(snapshotter: ServedSnapshotter): GrpcService {
  return grpcService(Snapshots, {
    prepare: async ({ key, parent, labels }, { signal }) => ({
      mounts: mountsToWire(await snapshotter.prepare(key, parent, { labels, signal })),
    }),
    view: async ({ key, parent, labels }) => ({
      mounts: mountsToWire(await snapshotter.view(key, parent, { labels })),
    }),
    mounts: async ({ key }) => ({ mounts: mountsToWire(await snapshotter.mounts(key)) }),
    commit: async ({ name, key, labels, parent }) => {
      await snapshotter.commit(name, key, { labels, ...(parent !== "" && { parent }) });
      return {};
    },
    remove: async ({ key }) => {
      await snapshotter.remove(key);
      return {};
    },
    stat: async ({ key }) => ({ info: infoToWire(await snapshotter.stat(key)) }),
    update: async ({ info, updateMask }) => {
      if (info === undefined) {
        throw new StorageError("ERR_INVALID_ARGUMENT", "cannot update a snapshot: the request names none");
      }
      const { name, labels } = info;
      return { info: infoToWire(await snapshotter.update({ name, labels }, updateMask?.paths)) };
    },
    async *list({ filters }) {
      let message: ReturnType<typeof infoToWire>[] = [];
      for await (const info of snapshotter.walk(filters)) {
        if (message.push(infoToWire(info)) < infosPerMessage) continue;
        yield { info: message };
        message = [];
      }
      if (message.length > 0) yield { info: message };
    },
    usage: async ({ key }) => {
      const { sizeBytes, inodes } = await snapshotter.usage(key);
      return { size: BigInt(sizeBytes), inodes: BigInt(inodes) };
    },
    cleanup: async () => {
      await snapshotter.cleanup();
      return {};
    },
  });
}
