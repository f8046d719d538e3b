/** Layers of an image that containerd's content store has already: neither fetched nor sent again. */
import type { Digest } from "../base/digest.ts";
import { hasCode } from "../base/errors.ts";
import type { SourceImage } from "../image/sources/image-source.ts";
import type { CallOptions, Channel } from "../plugin/channel.ts";
import { Content } from "../plugin/gen/containerd/services/content/v1/content_pb.ts";
import { leaseBlob } from "./lease.ts";

/** Those of the layers' blobs that the namespace has, kept by the lease from now on. */
export async function leaseLayers(
  channel: Channel,
  lease: string,
  { layers }: SourceImage,
  options: CallOptions,
): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  for (const { descriptor } of layers) {
    const { digest, size } = descriptor;
    if (digest === null) continue;
    await leaseBlob(channel, lease, digest, options);
    if (await hasBlob(channel, digest, size, options)) found.add(digest);
  }
  return found;
}

async function hasBlob(channel: Channel, digest: Digest, size: number, options: CallOptions): Promise<boolean> {
  try {
    const { info } = await channel.unary(Content.method.info, { digest }, options);
    return info?.size === BigInt(size);
  } catch (error) {
    if (hasCode(error, "ERR_NOT_FOUND")) return false;
    throw error;
  }
}

/** The image, with these of its layers read from containerd. */
export function readFrom(
  channel: Channel,
  blobs: ReadonlySet<Digest>,
  image: SourceImage,
  { headers = {} }: CallOptions,
): SourceImage {
  const layers = image.layers.map((layer) => {
    const { digest } = layer.descriptor;
    if (digest === null || !blobs.has(digest)) return layer;
    async function* read(fromBytes: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
      const request = { digest: digest ?? "", offset: BigInt(fromBytes) };
      for await (const { data } of channel.serverStream(Content.method.read, request, { headers, signal })) yield data;
    }
    return { ...layer, file: { read } };
  });
  return { ...image, layers };
}
