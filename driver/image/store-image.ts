/** An image made here comes to be: its blobs, its new snapshot and its names, all visible at once. */
import type { ChainId, DiffId, Digest } from "../base/digest.ts";
import type { Usage } from "../extract/staged-layer.ts";
import type { LayerRow } from "../metadata/schema.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { encodeManifest } from "../oci/manifest.ts";
import type { AdoptedCapture, AdoptedLayer } from "../snapshot/snapshotter.ts";
import { hashBytes } from "./hash-bytes.ts";
import { recordImage } from "./image-store.ts";
import { publishIndex } from "./load.ts";
import type { ManifestFamily } from "./manifest-family.ts";
import { encodeRawConfig, type RawObject } from "./raw-config.ts";
import { lockStore } from "./store-lock.ts";
import type { UnpackContext } from "./unpack.ts";

export interface NewImage {
  readonly config: RawObject;
  readonly family: Pick<ManifestFamily, "manifestType" | "configType">;
  /** Bottom first, the new one included. */
  readonly layers: readonly Descriptor[];
  /** Canonical. */
  readonly names: readonly string[];
}

export interface NewLayer {
  readonly blob: { readonly digest: Digest; readonly diffId: DiffId; readonly sizeBytes: number };
  readonly ingestPath: string;
  readonly usage: Usage;
  readonly adoption: (AdoptedLayer | AdoptedCapture) & { readonly name: ChainId; readonly parent: ChainId | "" };
}

/**
 * Null for no new layer. Right before all becomes visible `recheck` is called, while nothing can be removed: it throws
 * when what the image stands on has gone. Returns the image's ID and its manifest's digest.
 */
export async function storeImage(
  context: Pick<UnpackContext, "snapshotter" | "content" | "images">,
  { config, family, layers, names }: NewImage,
  added: NewLayer | null,
  recheck: () => Promise<void>,
): Promise<{ readonly id: Digest; readonly manifestDigest: Digest }> {
  const { snapshotter, content } = context;
  const configBytes = encodeRawConfig(config);
  const configDescriptor = { mediaType: family.configType, ...hashBytes(configBytes) };
  const mediaType = family.manifestType;
  const manifestBytes = encodeManifest({ mediaType, config: configDescriptor, layers });
  const manifest = { mediaType, ...hashBytes(manifestBytes) };
  {
    using _lock = await lockStore(content.root, "shared");
    await recheck();
    if (added !== null) await content.commitIngest(added.ingestPath, added.blob);
    await content.writeBlob(configBytes, { expected: configDescriptor });
    await content.writeBlob(manifestBytes, { expected: manifest });
    await snapshotter.adopt(added === null ? [] : [added.adoption], (sql) => {
      recordImage(sql, manifest, names, added === null ? [] : [rowOf(added)]);
    });
  }
  await publishIndex(context);
  return { id: configDescriptor.digest, manifestDigest: manifest.digest };
}

function rowOf({ blob, usage, adoption }: NewLayer): LayerRow {
  return {
    chain_id: adoption.name,
    diff_id: blob.diffId,
    blob_digest: blob.digest,
    blob_size: blob.sizeBytes,
    parent_chain_id: adoption.parent,
    inodes: usage.inodes,
    size_bytes: usage.sizeBytes,
  };
}
