import { StorageError } from "../base/errors.ts";
import type { BlobCall, ForeignBlobs } from "../differ/differ.ts";
import type { DifferContext } from "../differ/differ.ts";
import { openDiffer } from "../differ/open-differ.ts";
import type { LoadedImage } from "../image/image-types.ts";
import { loadImage } from "../image/load.ts";
import { sweep } from "../image/remove.ts";
import type { SourceImage } from "../image/sources/image-source.ts";
import type { UnpackContext, UnpackOptions } from "../image/unpack.ts";
import type { CallOptions, Channel } from "../plugin/channel.ts";
import { ContainerdBlobs } from "./blobs.ts";
import { createLease, deleteLease } from "./lease.ts";
import { leaseLayers, readFrom } from "./leased-blobs.ts";
import { type ImageOrigin, registerImage } from "./register-image.ts";

export type LoadIntoContext = UnpackContext & Pick<DifferContext, "root">;

/** Where in a containerd. */
export interface LoadTarget {
  /** containerd's own socket. */
  readonly channel: Channel;
  readonly namespace: string;
  readonly snapshotter: string;
  readonly signal?: AbortSignal | undefined;
}

const leaseMs = 24 * 60 * 60 * 1000;

/**
 * Loads an image into containerd instead of the store: its layers are unpacked in the store, all at once and proven as
 * ever, and lent to containerd from there. An image that the store had before stays; otherwise the store forgets it,
 * and keeps the layers for as long as containerd does. Whatever happens before the end, all that was made in containerd
 * belongs to a lease, and goes with that; what has come of layers from afar waits in the store for the next pull.
 * @throws {StorageError} what loadImage and registerImage throw.
 */
export async function loadInto(
  context: LoadIntoContext,
  image: SourceImage,
  target: LoadTarget,
  options: UnpackOptions,
  origin?: ImageOrigin,
): Promise<LoadedImage> {
  const { channel, namespace, signal } = target;
  const inNamespace = { headers: { "containerd-namespace": namespace } };
  signal?.throwIfAborted();
  // Not to be given up half-way: then nobody would know whether there is one.
  const lease = await createLease(channel, leaseMs, inNamespace);
  try {
    const calls = { headers: { ...inNamespace.headers, "containerd-lease": lease }, signal };
    return await loadUnder(lease, calls, context, image, target, options, origin);
  } finally {
    await deleteLease(channel, lease, inNamespace);
  }
}

async function loadUnder(
  lease: string,
  calls: CallOptions,
  context: LoadIntoContext,
  image: SourceImage,
  { channel, namespace, snapshotter, signal }: LoadTarget,
  options: UnpackOptions,
  origin: ImageOrigin | undefined,
): Promise<LoadedImage> {
  const { content, images } = context;
  const there = await leaseLayers(channel, lease, image, calls);
  const before = new Set(images.all().map(({ descriptor }) => descriptor.digest));
  // Without its names: those of the store's images are not touched.
  const nameless = { ...readFrom(channel, there, image, calls), names: [] };
  const loaded = await loadImage(context, nameless, { ...options, needsBlob: (digest) => !there.has(digest) });
  const { readable } = await images.openAll();
  const stored = readable.find(({ manifest }) => manifest.config.digest === loaded.id);
  if (stored === undefined) {
    throw new StorageError("ERR_ABORTED", `cannot pass on image ${loaded.id}: it was removed meanwhile`);
  }
  const { digest } = stored.descriptor;
  try {
    const names = image.names.length > 0 ? image.names : [`import-${today()}@${digest}`];
    const call = { namespace, lease, signal };
    const blobs = eitherBlobs(context, new ContainerdBlobs({ channel, spool: content }), call);
    await registerImage(stored, names, {
      ...{ content, channel, snapshotter, options: calls, origin },
      differ: openDiffer(context, blobs),
    });
    return { ...loaded, names };
  } finally {
    for (const { descriptor } of image.layers) {
      if (descriptor.digest !== null) content.forgetPartial(descriptor.digest);
    }
    if (!before.has(digest)) {
      images.forget(stored, [digest]);
      await sweep(context);
    }
  }
}

/** As `ctr image import` calls what has no name. */
function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** The store's own blobs, and containerd's where the store has none. */
function eitherBlobs({ content }: LoadIntoContext, containerd: ContainerdBlobs, call: BlobCall): ForeignBlobs {
  return {
    open: async (descriptor) => {
      const { digest } = descriptor;
      if (!(await content.has(digest))) return containerd.open(descriptor, call);
      const { sizeBytes } = await content.info(digest);
      const nothingToClose = (): Promise<void> => Promise.resolve();
      return { path: content.pathOf(digest), offsetBytes: 0, sizeBytes, [Symbol.asyncDispose]: nothingToClose };
    },
    write: () => Promise.reject(new TypeError("nothing is written here")),
  };
}
