/** `pull`: an image from a registry, its layers unpacked while they arrive. */
import type { Digest } from "../base/digest.ts";
import type { Reference } from "../oci/reference.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { LoadedImage } from "./image-types.ts";
import { loadImage } from "./load.ts";
import { openRegistrySource } from "./sources/registry-source.ts";
import type { UnpackContext, UnpackOptions } from "./unpack.ts";

export interface PullImageOptions extends UnpackOptions {
  readonly platform?: string | undefined;
}

export interface PulledImage extends LoadedImage {
  /** The whole reference, with its tag or digest. */
  readonly reference: string;
  /** Of what the reference names in the registry: the index, where there are several platforms. */
  readonly digest: Digest;
  readonly manifestDigest: Digest;
  /** False when the image was here, under this name. */
  readonly isNewer: boolean;
}

/**
 * @throws {StorageError} as RegistryClient.resolve and loadImage. The store is then as it was, but for bytes that the
 * next pull need not fetch again.
 */
export async function pullImage(
  context: UnpackContext,
  client: RegistryClient,
  reference: Reference,
  options: PullImageOptions,
): Promise<PulledImage> {
  const { content, images } = context;
  const { platform, signal } = options;
  await using source = await openRegistrySource(client, reference, { platform, content, signal });
  const [image] = source.images;
  if (image === undefined) throw new TypeError("a reference names one image");
  const former = images.all().find(({ names }) => names.includes(reference.canonical));
  const loaded = await loadImage(context, image, options);
  for (const { descriptor } of image.layers) if (descriptor.digest !== null) content.forgetPartial(descriptor.digest);
  const current = images.all().find(({ names }) => names.includes(reference.canonical));
  const manifestDigest = current?.descriptor.digest ?? source.resolved.digest;
  return {
    ...loaded,
    reference: reference.canonical,
    digest: source.resolved.digest,
    manifestDigest,
    isNewer: former?.descriptor.digest !== manifestDigest || loaded.layersExtracted > 0,
  };
}
