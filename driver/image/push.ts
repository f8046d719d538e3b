/** `push`: an image to the registry in its name, bytes as they are stored. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { StorageError } from "../base/errors.ts";
import type { Digest } from "../base/digest.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import { hasBlob, sendBlob, sendManifest } from "../registry/push-blob.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { RegistryHost } from "../registry/registry-host.ts";
import type { ImageStore, OpenImage } from "./image-store.ts";
import type { LayerProgress } from "./image-types.ts";

export interface PushImageOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LayerProgress) => void) | undefined;
}

export interface PushedImage {
  /** The whole reference. */
  readonly reference: string;
  readonly digest: Digest;
  /** Of the manifest. */
  readonly sizeBytes: number;
  readonly blobsSent: number;
  readonly blobsMounted: number;
  /** Those that were there. */
  readonly blobsReused: number;
}

interface PushContext {
  readonly content: ContentStore;
  readonly images: ImageStore;
}

/** @throws {StorageError} ERR_NOT_FOUND for the image; ERR_INVALID_ARGUMENT for an ID; what the registry says. */
export async function pushImage(
  { content, images }: PushContext,
  client: RegistryClient,
  name: string,
  options: PushImageOptions,
): Promise<PushedImage> {
  const reference = parseReference(name);
  const image = await images.find(reference.canonical);
  const host = client.forPush(reference);
  const sources = mountSources(image, reference);
  // What may be mounted must be readable too, and a token says all of it at once.
  const readable = [...new Set(sources.values())].map((path) => `repository:${path}:pull`);
  const target = {
    context: `cannot push ${reference.familiar}`,
    repository: reference.path,
    scope: [`repository:${reference.path}:pull,push`, ...readable].join(" "),
    signal: options.signal,
  };
  const counts = { sent: 0, mounted: 0, reused: 0 };
  const blobs = new Map([...image.manifest.layers, image.manifest.config].map((blob) => [blob.digest, blob]));
  const failed = new AbortController();
  const signal = options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal]);
  const outcomes = await Promise.allSettled(
    [...blobs.values()].map(async (descriptor) => {
      try {
        const outcome = await pushBlob(
          host,
          content,
          { ...target, signal },
          descriptor,
          sources.get(descriptor.digest),
          {
            report: reporter(reference, descriptor, options.onProgress),
          },
        );
        counts[outcome]++;
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  options.signal?.throwIfAborted();
  if (outcomes.some(({ status }) => status === "rejected")) throw failed.signal.reason as Error;
  const bytes = await content.readSmall(image.descriptor);
  await sendManifest(host, target, reference.tag ?? image.descriptor.digest, { descriptor: image.descriptor, bytes });
  return {
    reference: reference.canonical,
    digest: image.descriptor.digest,
    sizeBytes: bytes.length,
    blobsSent: counts.sent,
    blobsMounted: counts.mounted,
    blobsReused: counts.reused,
  };
}

type Report = (phase: LayerProgress["phase"], doneBytes: number) => void;

function reporter(
  reference: Reference,
  { digest, size }: Descriptor,
  onProgress: PushImageOptions["onProgress"],
): Report {
  return (phase, doneBytes) =>
    onProgress?.({ image: reference.familiar, layer: digest, phase, doneBytes, totalBytes: size });
}

async function pushBlob(
  host: RegistryHost,
  content: ContentStore,
  target: Parameters<typeof sendManifest>[1],
  descriptor: Descriptor,
  mountFrom: string | undefined,
  { report }: { readonly report: Report },
): Promise<"sent" | "mounted" | "reused"> {
  report("waiting", 0);
  if (await hasBlob(host, { ...target, descriptor })) {
    report("reused", descriptor.size);
    return "reused";
  }
  if (!(await content.has(descriptor.digest))) {
    throw new StorageError("ERR_NOT_FOUND", `${target.context}: blob ${descriptor.digest} is not stored`);
  }
  const outcome = await sendBlob(host, {
    ...target,
    descriptor,
    mountFrom,
    open: () => Readable.from(counted(content.pathOf(descriptor.digest), report), { objectMode: false }),
  });
  report("done", descriptor.size);
  return outcome;
}

async function* counted(path: string, report: Report): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>) {
    report("pushing", at);
    yield chunk;
    at += chunk.length;
  }
}

/** For blobs of the image: the repository of the same registry that another of its names is in. */
function mountSources({ manifest, names }: OpenImage, target: Reference): ReadonlyMap<Digest, string> {
  const others = names
    .map((name) => parseReference(name))
    .filter(({ domain, path }) => domain === target.domain && path !== target.path);
  const [source] = others;
  if (source === undefined) return new Map();
  return new Map([...manifest.layers, manifest.config].map(({ digest }) => [digest, source.path]));
}
