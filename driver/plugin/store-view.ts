/**
 * What containerd sees of a store that is not its alone. It removes every snapshot that it does not know, so it sees
 * none of what the store's own images and containers stand on, but for unpacked layers that it was lent: a Prepare
 * that names the chainID of one marks that as lent and answers ERR_ALREADY_EXISTS, containerd's word for "nothing to
 * fetch". Removing a lent one gives it back. A layer that is not there may be brought first, with its whole image.
 */
import { type ChainId, isDigest } from "../base/digest.ts";
import { hasCode, StorageError } from "../base/errors.ts";
import { heldLabel, isLent, lentLabel } from "../snapshot/lent.ts";
import type { SnapshotInfo, SnapshotOptions, Snapshotter } from "../snapshot/snapshotter.ts";
import type { PrepareOptions, ServedSnapshotter } from "./snapshots-service.ts";

/** What a Prepare asks for that is about to unpack a layer. */
export interface WantedLayer {
  readonly chainId: ChainId;
  /** chainID of the layer below, "" for the lowest. */
  readonly parent: ChainId | "";
  /** The request's: where the layer is from, when containerd says. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface StoreViewOptions {
  /** Runs `work` while nothing sweeps the store. */
  readonly whileKept: <T>(work: () => Promise<T>) => Promise<T>;
  /** Deletes what nobody needs any more; called after layers were given back. */
  readonly sweep: () => Promise<unknown>;
  /**
   * Brings a layer into the store, proven to be what its chainID says. False when that cannot be, for whatever reason:
   * then containerd fetches and unpacks it.
   * @throws {StorageError} only when the caller has gone away.
   */
  readonly bring?: ((wanted: WantedLayer, signal: AbortSignal | undefined) => Promise<boolean>) | undefined;
}

/** containerd's own names never look like these: its metadata puts "<namespace>/<number>/" before each. */
const containerKey = /^[0-9a-f]{64}$/;
const imageMountKey = /^mount sha256:/;

function isOwnName(name: string): boolean {
  return isDigest(name) || containerKey.test(name) || imageMountKey.test(name);
}

export function storeView(store: Snapshotter, { whileKept, sweep, bring }: StoreViewOptions): ServedSnapshotter {
  // A daemon before this one may have been killed before it could sweep.
  let isOwed = true;
  const isShown = (info: SnapshotInfo): boolean => (isDigest(info.name) ? isLent(info) : !isOwnName(info.name));
  const requireShown = async (key: string, verb: string): Promise<SnapshotInfo> => {
    const info = await store.stat(key);
    if (isShown(info)) return info;
    throw new StorageError("ERR_NOT_FOUND", `cannot ${verb} snapshot ${JSON.stringify(key)}: it is the store's own`);
  };
  /** A layer is what its chainID says: nobody else may give one that name. */
  const requireForeign = (name: string, verb: string): void => {
    if (!isOwnName(name)) return;
    const reason = "names like this are the store's own";
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot ${verb} snapshot ${JSON.stringify(name)}: ${reason}`);
  };
  const requirePreparable = async (key: string, parent: string): Promise<void> => {
    requireForeign(key, "prepare");
    if (parent !== "") await requireShown(parent, "build on");
  };

  const lend = async (chainId: string, parent: string): Promise<boolean> => {
    try {
      const info = await store.stat(chainId);
      if (info.kind !== "committed" || info.parent !== parent) return false;
      if (!isLent(info)) {
        const paths = [`labels.${lentLabel}`, `labels.${heldLabel}`];
        await store.update({ name: chainId, labels: { [lentLabel]: chainId } }, paths);
      }
      return true;
    } catch (error) {
      if (hasCode(error, "ERR_NOT_FOUND")) return false;
      throw error;
    }
  };
  const lendNow = (chainId: string, parent: string): Promise<boolean> => whileKept(() => lend(chainId, parent));
  const isThere = async (parent: string, { labels = {}, signal }: PrepareOptions): Promise<boolean> => {
    const chainId = labels[lentLabel];
    if (chainId === undefined || !isDigest(chainId)) return false;
    if (await lendNow(chainId, parent)) return true;
    // On a snapshot that containerd has made itself none of the store's can stand.
    if (bring === undefined || (parent !== "" && !isDigest(parent))) return false;
    return (await bring({ chainId, parent, labels }, signal)) && (await lendNow(chainId, parent));
  };
  const giveBack = async (name: string): Promise<void> => {
    for await (const child of store.walk([`parent==${JSON.stringify(name)}`])) {
      if (!isShown(child)) continue;
      throw new StorageError("ERR_FAILED_PRECONDITION", `cannot remove snapshot ${name}: ${child.name} stands on it`);
    }
    await store.update({ name, labels: {} }, [`labels.${lentLabel}`]);
    isOwed = true;
  };

  return {
    stat: (key) => requireShown(key, "stat"),
    usage: async (key) => store.usage((await requireShown(key, "measure")).name),
    mounts: async (key) => store.mounts((await requireShown(key, "mount")).name),
    update: async (info, fieldPaths) => {
      const { name, labels } = await requireShown(info.name, "update");
      const updated = await store.update(info, fieldPaths);
      if (!isDigest(name) || isLent(updated)) return updated;
      return store.update({ name, labels: { [lentLabel]: labels[lentLabel] ?? name } }, [`labels.${lentLabel}`]);
    },
    prepare: async (key, parent, options = {}) => {
      if (await isThere(parent, options)) {
        const reason = `the layer ${options.labels?.[lentLabel] ?? ""} is unpacked already`;
        throw new StorageError("ERR_ALREADY_EXISTS", `cannot prepare snapshot ${JSON.stringify(key)}: ${reason}`);
      }
      await requirePreparable(key, parent);
      return store.prepare(key, parent, options);
    },
    view: async (key: string, parent: string, options?: SnapshotOptions) => {
      await requirePreparable(key, parent);
      return store.view(key, parent, options);
    },
    commit: async (name, key, options) => {
      requireForeign(name, "commit");
      const { parent } = options ?? {};
      if (parent !== undefined && parent !== "") await requireShown(parent, "build on");
      await store.commit(name, (await requireShown(key, "commit")).name, options);
    },
    remove: async (key) => {
      const info = await requireShown(key, "remove");
      if (isDigest(key)) await giveBack(info.name);
      else await store.remove(key);
    },
    async *walk(filters) {
      for await (const info of store.walk(filters)) if (isShown(info)) yield info;
    },
    cleanup: async () => {
      if (isOwed) {
        isOwed = false;
        await sweep();
      }
      await store.cleanup();
    },
  };
}
