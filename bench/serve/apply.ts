/** A large layer by two differs in turn: containerd's own, which has nothing to ask, and laminate's over its socket. */
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import { uploadFile } from "../../driver/containerd/upload.ts";
import type { Digest } from "../../driver/base/digest.ts";
import { Channel } from "../../driver/plugin/channel.ts";
import { Diff } from "../../driver/plugin/gen/containerd/services/diff/v1/diff_pb.ts";
import { SnapshotsClient } from "../../driver/plugin/snapshots-client.ts";
import { type Latency, latencyOf, timed } from "./measure.ts";

export interface ApplyFigures {
  readonly storedBytes: number;
  readonly tarBytes: number;
  readonly contenders: Readonly<Record<string, Latency>>;
}

const rounds = 5;
const root = { labels: { "containerd.io/gc.root": "bench" } };

/** Each on a new snapshot of its own snapshotter, removed afterwards; not synced. */
export async function measureApply(
  blob: string,
  containerd: string,
  laminate: string,
  headers: Readonly<Record<string, string>>,
): Promise<ApplyFigures> {
  const digest = `sha256:${basename(blob)}` as Digest;
  const { size } = statSync(blob);
  const tar = gunzipSync(readFileSync(blob));
  const diffId = `sha256:${createHash("sha256").update(tar).digest("hex")}`;
  using ofContainerd = new Channel(containerd, { headers });
  await uploadFile(
    ofContainerd,
    { path: blob, offsetBytes: 0 },
    { digest, size, ref: "bench-layer", labels: root.labels },
    { headers },
  );
  const samples: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    const contenders = [
      { name: "containerd's own", address: containerd, snapshotter: "overlayfs" },
      { name: "laminate", address: laminate, snapshotter: "laminate" },
    ];
    for (const { name, address, snapshotter } of round % 2 === 0 ? contenders : contenders.reverse()) {
      await using snapshots = new SnapshotsClient(address, { snapshotter, headers });
      using channel = new Channel(address, { headers });
      const key = `apply-${round}`;
      const mounts = [...(await snapshots.prepare(key, "", root))] as never;
      const diff = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: BigInt(size) };
      const ms = await timed(async () => {
        const { applied } = await channel.unary(Diff.method.apply, { diff, mounts });
        if (applied?.digest !== diffId) throw new Error(`${name} says ${applied?.digest ?? "nothing"} of ${diffId}`);
      });
      (samples[name] ??= []).push(ms);
      await snapshots.remove(key);
    }
  }
  const contenders = Object.entries(samples).map(([name, values]) => [name, latencyOf(values)] as const);
  return { storedBytes: size, tarBytes: tar.length, contenders: Object.fromEntries(contenders) };
}
