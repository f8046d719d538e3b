/** A snapshotter that is opened by its first use: most of what a command line is asked needs none. */
import { StorageError } from "../base/errors.ts";
import type { Snapshotter } from "./snapshotter.ts";

/** Failures of `open` are those of every method, and it is tried again by the next. */
export function lazySnapshotter(backend: Snapshotter["backend"], open: () => Promise<Snapshotter>): Snapshotter {
  let opened: Promise<Snapshotter> | undefined;
  let isClosed = false;
  const it = async (): Promise<Snapshotter> => {
    if (isClosed && opened === undefined) {
      throw new StorageError("ERR_UNAVAILABLE", "cannot use snapshots: the snapshotter is closed");
    }
    opened ??= open();
    try {
      return await opened;
    } catch (error) {
      opened = undefined;
      throw error;
    }
  };
  return {
    backend,
    stat: async (...words) => (await it()).stat(...words),
    update: async (...words) => (await it()).update(...words),
    usage: async (...words) => (await it()).usage(...words),
    mounts: async (...words) => (await it()).mounts(...words),
    prepare: async (...words) => (await it()).prepare(...words),
    view: async (...words) => (await it()).view(...words),
    commit: async (...words) => (await it()).commit(...words),
    remove: async (...words) => (await it()).remove(...words),
    walk: async function* (...words) {
      yield* (await it()).walk(...words);
    },
    cleanup: async () => (await it()).cleanup(),
    stage: async () => (await it()).stage(),
    lowerLayers: async (...words) => (await it()).lowerLayers(...words),
    adopt: async (...words) => (await it()).adopt(...words),
    capture: async (...words) => (await it()).capture(...words),
    ownTree: async (...words) => (await it()).ownTree(...words),
    ownerOf: async (...words) => (await it()).ownerOf(...words),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await (await opened?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}
