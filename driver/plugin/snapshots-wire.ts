/** Snapshots as messages of containerd.services.snapshots.v1, both ways. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { StorageError } from "../base/errors.ts";
import type { Mount } from "../mount/mount.ts";
import type { SnapshotInfo, SnapshotKind } from "../snapshot/snapshotter.ts";
import type { Mount as MountMessage } from "./gen/containerd/types/mount_pb.ts";
import { type Info, type InfoSchema, Kind } from "./gen/containerd/services/snapshots/v1/snapshots_pb.ts";

const nsPerSecond = 1_000_000_000n;

const kindOnWire = { view: Kind.VIEW, active: Kind.ACTIVE, committed: Kind.COMMITTED } as const;

export function infoToWire(info: SnapshotInfo): MessageInitShape<typeof InfoSchema> {
  const { name, parent, kind, createdNs, updatedNs, labels } = info;
  return {
    name,
    parent,
    kind: kindOnWire[kind],
    createdAt: timestampToWire(createdNs),
    updatedAt: timestampToWire(updatedNs),
    labels: { ...labels },
  };
}

/** @throws {StorageError} ERR_INTERNAL for a message without its kind or times. */
export function infoFromWire(info: Info | undefined): SnapshotInfo {
  const { name = "", parent = "", createdAt, updatedAt, labels = {} } = info ?? {};
  const kind = (Object.keys(kindOnWire) as SnapshotKind[]).find((candidate) => kindOnWire[candidate] === info?.kind);
  if (kind === undefined || createdAt === undefined || updatedAt === undefined) {
    throw new StorageError("ERR_INTERNAL", `cannot read what the server says of snapshot ${JSON.stringify(name)}`);
  }
  return {
    name,
    parent,
    kind,
    createdNs: timestampFromWire(createdAt),
    updatedNs: timestampFromWire(updatedAt),
    labels: { ...labels },
  };
}

export function mountsFromWire(mounts: readonly MountMessage[]): readonly Mount[] {
  return mounts.map(({ type, source, target, options }) => ({ type, source, target, options: [...options] }));
}

export function mountsToWire(
  mounts: readonly Mount[],
): { type: string; source: string; target: string; options: string[] }[] {
  return mounts.map(({ type, source, target, options }) => ({ type, source, target, options: [...options] }));
}

function timestampToWire(ns: bigint): MessageInitShape<typeof TimestampSchema> {
  return { seconds: ns / nsPerSecond, nanos: Number(ns % nsPerSecond) };
}

function timestampFromWire({ seconds, nanos }: Timestamp): bigint {
  return seconds * nsPerSecond + BigInt(nanos);
}
