/** `pull --containerd`: an image from a registry into containerd, fetched and unpacked by the store. */
import { hasCode } from "../base/errors.ts";
import type { PulledImage, PullImageOptions } from "../image/pull.ts";
import { openRegistrySource } from "../image/sources/registry-source.ts";
import type { Reference } from "../oci/reference.ts";
import { Images } from "../plugin/gen/containerd/services/images/v1/images_pb.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { loadInto, type LoadIntoContext, type LoadTarget } from "./load-into.ts";

/**
 * Layers whose bytes containerd has are not fetched.
 * @throws {StorageError} as RegistryClient.resolve and loadInto.
 */
export async function pullInto(
  context: LoadIntoContext,
  client: RegistryClient,
  reference: Reference,
  options: PullImageOptions,
  target: LoadTarget,
): Promise<PulledImage> {
  const { content } = context;
  const { platform, signal } = options;
  await using source = await openRegistrySource(client, reference, { platform, content, signal });
  const [image] = source.images;
  if (image === undefined) throw new TypeError("a reference names one image");
  const { resolved, resolvedBytes } = source;
  const layers = image.layers.flatMap(({ descriptor }) => {
    const { digest } = descriptor;
    return digest === null ? [] : [{ ...descriptor, digest }];
  });
  const manifestDigest = image.manifestFor(layers).descriptor.digest;
  const former = await targetOf(reference.canonical, target);
  const named = { descriptor: resolved, bytes: resolvedBytes };
  const loaded = await loadInto(context, image, target, options, { reference, named });
  const isNewer = loaded.layersExtracted > 0 || (former !== resolved.digest && former !== manifestDigest);
  return { ...loaded, reference: reference.canonical, digest: resolved.digest, manifestDigest, isNewer };
}

async function targetOf(name: string, { channel, namespace, signal }: LoadTarget): Promise<string | undefined> {
  try {
    const options = { headers: { "containerd-namespace": namespace }, signal };
    const { image } = await channel.unary(Images.method.get, { name }, options);
    return image?.target?.digest;
  } catch (error) {
    if (hasCode(error, "ERR_NOT_FOUND")) return undefined;
    throw error;
  }
}
