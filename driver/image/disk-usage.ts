import type { Digest } from "../base/digest.ts";
import type { ContentStore } from "../content/content-store.ts";
import { type ImageStore, blobsOf } from "./image-store.ts";
import type { DiskUsage } from "./image-types.ts";

/** From recorded sizes: nothing is walked. `containers` come from their owner. */
export async function diskUsage(
  { images, content }: { readonly images: ImageStore; readonly content: ContentStore },
  containers: DiskUsage["containers"],
  containersOf: (manifest: Digest) => readonly string[],
): Promise<DiskUsage> {
  const rows = images.layerRows();
  const sizeOf = (chain: string): number => rows.get(chain)?.size_bytes ?? 0;
  const { readable: open } = await images.openAll();
  const holders = new Map<string, number>();
  for (const image of open) for (const chain of image.chainIds) holders.set(chain, (holders.get(chain) ?? 0) + 1);
  const blobs = await content.list();
  const liveBlobs = new Set(open.flatMap(blobsOf));
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  return {
    images: open.map((image) => {
      const shared = image.chainIds.filter((chain) => (holders.get(chain) ?? 0) > 1);
      const sizeBytes = sum(image.chainIds.map(sizeOf));
      const sharedBytes = sum(shared.map(sizeOf));
      return {
        names: image.names,
        id: image.manifest.config.digest,
        manifestDigest: image.descriptor.digest,
        created: image.config.created ?? null,
        sizeBytes,
        sharedBytes,
        uniqueBytes: sizeBytes - sharedBytes,
        containers: containersOf(image.descriptor.digest).length,
      };
    }),
    containers,
    layerBytes: sum([...rows.values()].map((row) => row.size_bytes)),
    layerCount: rows.size,
    reclaimableLayerBytes: sum([...rows.keys()].filter((chain) => !holders.has(chain)).map(sizeOf)),
    blobBytes: sum(blobs.map((blob) => blob.sizeBytes)),
    blobCount: blobs.length,
    reclaimableBlobBytes: sum(blobs.filter((blob) => !liveBlobs.has(blob.digest)).map((blob) => blob.sizeBytes)),
  };
}
