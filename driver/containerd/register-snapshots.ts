/** An image's layers as snapshots of containerd's: lent by a store that has them, else unpacked into mounts. */
import { randomUUID } from "node:crypto";
import type { ChainId } from "../base/digest.ts";
import { hasCode } from "../base/errors.ts";
import type { Differ } from "../differ/differ.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { CallOptions, Channel } from "../plugin/channel.ts";
import { Snapshots } from "../plugin/gen/containerd/services/snapshots/v1/snapshots_pb.ts";
import { lentLabel } from "../snapshot/lent.ts";

export interface SnapshotTarget {
  readonly channel: Channel;
  readonly snapshotter: string;
  readonly options: CallOptions;
}

export interface LayerToUnpack {
  readonly descriptor: Descriptor;
  readonly chainId: ChainId;
}

/**
 * Makes the snapshots that are missing, bottom first, under their chainIDs, as containerd's own unpacking does.
 * @throws {StorageError} what preparing, applying and committing throw; the key in use is removed then.
 */
export async function registerSnapshots(
  target: SnapshotTarget,
  layers: readonly LayerToUnpack[],
  differ: Differ,
): Promise<void> {
  let parent = "";
  for (const layer of layers) {
    if (!(await exists(target, layer.chainId))) await makeSnapshot(target, layer, parent, differ);
    parent = layer.chainId;
  }
}

async function makeSnapshot(
  target: SnapshotTarget,
  { descriptor, chainId }: LayerToUnpack,
  parent: string,
  differ: Differ,
): Promise<void> {
  const { channel, snapshotter, options } = target;
  const labels = { [lentLabel]: chainId };
  const key = `extract-${randomUUID()} ${chainId}`;
  try {
    const request = { snapshotter, key, parent, labels };
    const { mounts } = await channel.unary(Snapshots.method.prepare, request, options);
    await differ.apply({ layer: descriptor, mounts, syncs: false }, { namespace: undefined, signal: options.signal });
    await channel.unary(Snapshots.method.commit, { snapshotter, name: chainId, key, labels }, options);
  } catch (error) {
    const isThere = hasCode(error, "ERR_ALREADY_EXISTS") && (await exists(target, chainId));
    await removeQuietly(target, key);
    if (!isThere) throw error;
  }
}

async function exists({ channel, snapshotter, options }: SnapshotTarget, key: string): Promise<boolean> {
  try {
    await channel.unary(Snapshots.method.stat, { snapshotter, key }, options);
    return true;
  } catch (error) {
    if (hasCode(error, "ERR_NOT_FOUND")) return false;
    throw error;
  }
}

/** Also when everything is being given up; what stays belongs to the lease. */
async function removeQuietly({ channel, snapshotter, options }: SnapshotTarget, key: string): Promise<void> {
  const { headers = {} } = options;
  await channel.unary(Snapshots.method.remove, { snapshotter, key }, { headers }).catch(() => undefined);
}
