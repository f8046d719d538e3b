/** An image of a store becomes an image of containerd's: blobs, snapshots, then the name, under the caller's lease. */
import type { Digest } from "../base/digest.ts";
import { hasCode } from "../base/errors.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { Differ } from "../differ/differ.ts";
import type { OpenImage } from "../image/image-store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseIndex } from "../oci/image-index.ts";
import { isIndexType } from "../oci/media-type.ts";
import type { Reference } from "../oci/reference.ts";
import type { CallOptions, Channel } from "../plugin/channel.ts";
import { Images } from "../plugin/gen/containerd/services/images/v1/images_pb.ts";
import { registerSnapshots } from "./register-snapshots.ts";
import { uploadBytes, uploadFile } from "./upload.ts";

/** What an image was fetched as. */
export interface ImageOrigin {
  readonly reference: Reference;
  /** What the reference names: an index, where there are several platforms. */
  readonly named: { readonly descriptor: Descriptor; readonly bytes: Uint8Array };
}

export interface RegisterTarget {
  readonly content: ContentStore;
  readonly channel: Channel;
  readonly snapshotter: string;
  /** With namespace and lease. */
  readonly options: CallOptions;
  /** Unpacks what cannot be lent. */
  readonly differ: Differ;
  readonly origin?: ImageOrigin | undefined;
}

type Labels = Readonly<Record<string, string>>;

const uploadsAtOnce = 3;

/**
 * Registers an image under `names` so that containers can be run from it at once. Names that exist are moved to it. Layers
 * whose blobs the store does not have must be containerd's already.
 * @throws {StorageError} ERR_UNAVAILABLE when containerd cannot be reached; the signal's reason.
 */
export async function registerImage(image: OpenImage, names: readonly string[], target: RegisterTarget): Promise<void> {
  const { channel, snapshotter, options, differ, origin } = target;
  await uploadLayers(image, target);
  await registerSnapshots(
    { channel, snapshotter, options },
    image.manifest.layers.flatMap((descriptor, at) => {
      const chainId = image.chainIds[at];
      return chainId === undefined ? [] : [{ descriptor, chainId }];
    }),
    differ,
  );
  await uploadDocuments(image, target);
  const index = origin && indexOf(origin, image);
  if (index !== undefined) {
    const { digest, size } = index.descriptor;
    const labels = { ...sourceLabels(origin), "containerd.io/gc.ref.content.m.0": image.descriptor.digest };
    await uploadBytes(channel, index.bytes, { digest, size, ref: `document-${digest}`, labels }, options);
  }
  for (const name of names) await nameImage(channel, name, index?.descriptor ?? image.descriptor, options);
}

/** As containerd itself names the index that it was given, of which it has only one platform. */
function indexOf({ named }: ImageOrigin, image: OpenImage): ImageOrigin["named"] | undefined {
  const { descriptor, bytes } = named;
  if (!isIndexType(descriptor.mediaType)) return undefined;
  const isDirect = parseIndex(bytes, descriptor).manifests.some(({ digest }) => digest === image.descriptor.digest);
  return isDirect ? named : undefined;
}

/** From which repositories a blob can be had, for pushing to others at the same registry. */
function sourceLabels(origin: ImageOrigin | undefined): Labels {
  if (origin === undefined) return {};
  const { domain, path } = origin.reference;
  return { [`containerd.io/distribution.source.${domain}`]: path };
}

async function uploadLayers(
  { manifest, config }: OpenImage,
  { content, channel, options, origin }: RegisterTarget,
): Promise<void> {
  const rest = manifest.layers.entries();
  const upload = async (): Promise<void> => {
    for (const [at, { digest, size }] of rest) {
      const labels = {
        ...sourceLabels(origin),
        "containerd.io/uncompressed": config.rootfs.diff_ids[at] ?? digest,
      };
      const file = { path: content.pathOf(digest), offsetBytes: 0 };
      await uploadFile(channel, file, { digest, size, ref: `layer-${digest}`, labels }, options);
    }
  };
  await Promise.all(Array.from({ length: uploadsAtOnce }, upload));
}

/** Labels lead containerd's garbage collector from the name to everything that it needs. */
async function uploadDocuments(
  { descriptor, manifest, chainIds }: OpenImage,
  { content, channel, snapshotter, options, origin }: RegisterTarget,
): Promise<void> {
  const top = chainIds.at(-1);
  const toSnapshots = top === undefined ? {} : { [`containerd.io/gc.ref.snapshot.${snapshotter}`]: top };
  const toBlobs = Object.fromEntries([
    ["containerd.io/gc.ref.content.config", manifest.config.digest],
    ...manifest.layers.map(({ digest }, at) => [`containerd.io/gc.ref.content.l.${at}`, digest] as const),
  ]) as Readonly<Record<string, Digest>>;
  const upload = async (document: Descriptor, refs: Labels): Promise<void> => {
    const { digest, size } = document;
    const bytes = await content.readSmall(document);
    const labels = { ...sourceLabels(origin), ...refs };
    await uploadBytes(channel, bytes, { digest, size, ref: `document-${digest}`, labels }, options);
  };
  await upload(manifest.config, toSnapshots);
  await upload(descriptor, toBlobs);
}

async function nameImage(channel: Channel, name: string, target: Descriptor, options: CallOptions): Promise<void> {
  const { mediaType, digest, size } = target;
  const image = { name, target: { mediaType, digest, size: BigInt(size) } };
  try {
    await channel.unary(Images.method.create, { image }, options);
  } catch (error) {
    if (!hasCode(error, "ERR_ALREADY_EXISTS")) throw error;
    await channel.unary(Images.method.update, { image, updateMask: { paths: ["target"] } }, options);
  }
}
