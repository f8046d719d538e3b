/** An image of a store becomes an image of containerd's: blobs, snapshots, then the name, under one lease. */
import type { Digest } from "../base/digest.ts";
import { hasCode } from "../base/errors.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { BlobFile, Differ, ForeignBlobs } from "../differ/differ.ts";
import type { OpenImage } from "../image/image-store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { CallOptions, Channel } from "../plugin/channel.ts";
import { Images } from "../plugin/gen/containerd/services/images/v1/images_pb.ts";
import { createLease, deleteLease } from "./lease.ts";
import { registerSnapshots } from "./register-snapshots.ts";
import { uploadBytes, uploadFile } from "./upload.ts";

export interface RegisterTarget {
  /** containerd's own socket. */
  readonly channel: Channel;
  readonly namespace: string;
  readonly snapshotter: string;
  readonly signal?: AbortSignal | undefined;
}

const leaseMs = 24 * 60 * 60 * 1000;
const uploadsAtOnce = 3;

/**
 * Registers an image under `names` so that containers can be run from it at once. Names that exist are moved to it.
 * Whatever happens before the end, all that was made belongs to a lease, and goes with that.
 * @throws {StorageError} ERR_UNAVAILABLE when containerd cannot be reached; the signal's reason.
 */
export async function registerImage(
  image: OpenImage,
  names: readonly string[],
  content: ContentStore,
  openDifferOn: (blobs: ForeignBlobs) => Differ,
  { channel, namespace, snapshotter, signal }: RegisterTarget,
): Promise<void> {
  const inNamespace = { "containerd-namespace": namespace };
  signal?.throwIfAborted();
  // Not to be given up half-way: then nobody would know whether there is one.
  const lease = await createLease(channel, leaseMs, { headers: inNamespace });
  const options: CallOptions = { headers: { ...inNamespace, "containerd-lease": lease }, signal };
  try {
    await uploadLayers(image, content, channel, options);
    await registerSnapshots(
      { channel, snapshotter, options },
      image.manifest.layers.flatMap((descriptor, at) => {
        const chainId = image.chainIds[at];
        return chainId === undefined ? [] : [{ descriptor, chainId }];
      }),
      openDifferOn(storedBlobs(content)),
    );
    await uploadDocuments(image, content, snapshotter, channel, options);
    for (const name of names) await nameImage(channel, name, image.descriptor, options);
  } finally {
    await deleteLease(channel, lease, { headers: inNamespace });
  }
}

async function uploadLayers(
  { manifest, config }: OpenImage,
  content: ContentStore,
  channel: Channel,
  options: CallOptions,
): Promise<void> {
  const rest = manifest.layers.entries();
  const upload = async (): Promise<void> => {
    for (const [at, { digest, size }] of rest) {
      const labels = { "containerd.io/uncompressed": config.rootfs.diff_ids[at] ?? digest };
      const file = { path: content.pathOf(digest), offsetBytes: 0 };
      await uploadFile(channel, file, { digest, size, ref: `layer-${digest}`, labels }, options);
    }
  };
  await Promise.all(Array.from({ length: uploadsAtOnce }, upload));
}

/** Labels lead containerd's garbage collector from the name to everything that it needs. */
async function uploadDocuments(
  { descriptor, manifest, chainIds }: OpenImage,
  content: ContentStore,
  snapshotter: string,
  channel: Channel,
  options: CallOptions,
): Promise<void> {
  const top = chainIds.at(-1);
  const toSnapshots = top === undefined ? {} : { [`containerd.io/gc.ref.snapshot.${snapshotter}`]: top };
  const toBlobs = Object.fromEntries([
    ["containerd.io/gc.ref.content.config", manifest.config.digest],
    ...manifest.layers.map(({ digest }, at) => [`containerd.io/gc.ref.content.l.${at}`, digest] as const),
  ]) as Readonly<Record<string, Digest>>;
  const upload = async (document: Descriptor, labels: Readonly<Record<string, string>>): Promise<void> => {
    const { digest, size } = document;
    const bytes = await content.readSmall(document);
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

function storedBlobs(content: ContentStore): ForeignBlobs {
  return {
    open: async ({ digest }): Promise<BlobFile> => {
      const { sizeBytes } = await content.info(digest);
      const nothingToClose = (): Promise<void> => Promise.resolve();
      return { path: content.pathOf(digest), offsetBytes: 0, sizeBytes, [Symbol.asyncDispose]: nothingToClose };
    },
    write: () => Promise.reject(new TypeError("nothing is written here")),
  };
}
