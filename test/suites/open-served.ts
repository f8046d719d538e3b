/** A snapshotter as suites open it, behind a socket: what containerd calls goes over it, the rest directly. */
import { join } from "node:path";
import { serveSnapshotter } from "../../driver/plugin/door.ts";
import { SnapshotsClient } from "../../driver/plugin/snapshots-client.ts";
import type { Snapshotter } from "../../driver/snapshot/snapshotter.ts";
import { openStore } from "./open-store.ts";
import type { OpenStore } from "./snapshotter-suite.ts";

export async function openServed(root: string, backend: "overlay" | "copy"): Promise<OpenStore> {
  const store = await openStore(root, backend);
  const server = await serveSnapshotter(store.snapshotter, join(root, "laminate.sock"));
  const client = new SnapshotsClient(server.address);
  return {
    snapshotter: throughClient(client, store.snapshotter),
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

function throughClient(client: SnapshotsClient, local: Snapshotter): Snapshotter {
  return {
    backend: local.backend,
    stat: (key) => client.stat(key),
    update: (info, fieldPaths) => client.update(info, fieldPaths),
    usage: (key) => client.usage(key),
    mounts: (key) => client.mounts(key),
    prepare: (key, parent, options) => client.prepare(key, parent, options),
    view: (key, parent, options) => client.view(key, parent, options),
    commit: (name, key, options) => client.commit(name, key, options),
    remove: (key) => client.remove(key),
    walk: (filters) => client.walk(filters),
    cleanup: () => client.cleanup(),
    stage: () => local.stage(),
    lowerLayers: (name) => local.lowerLayers(name),
    adopt: (layers, alongside) => local.adopt(layers, alongside),
    capture: (key) => local.capture(key),
    ownTree: (key) => local.ownTree(key),
    ownerOf: (...words) => local.ownerOf(...words),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
