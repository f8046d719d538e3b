/** Images of a registry: documents are read at once, layers come when they are unpacked. */
import { type Digest, requireDigest } from "../../base/digest.ts";
import { StorageError } from "../../base/errors.ts";
import { nameOf } from "../../content/blob-reader.ts";
import type { ContentStore } from "../../content/content-store.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { maxJsonBytes } from "../../oci/json.ts";
import { isIndexType, isManifestType } from "../../oci/media-type.ts";
import { hostPlatform, parsePlatform } from "../../oci/platform.ts";
import type { Reference } from "../../oci/reference.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";
import { hashBytes } from "../hash-bytes.ts";
import { chooseManifests, noPlatform } from "./choose-manifest.ts";
import type { Documents } from "./documents.ts";
import { imageFrom } from "./image-from.ts";
import type { ImageSource } from "./image-source.ts";

export interface RegistrySourceOptions {
  /** `os/architecture[/variant]`. Unless given, the host's is preferred where there is a choice. */
  readonly platform?: string | undefined;
  /** Documents that are here already are not asked for again. */
  readonly content?: Pick<ContentStore, "has" | "readSmall"> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RegistrySource extends ImageSource {
  /** Of what the reference names: an index where there is one. */
  readonly resolved: Descriptor;
  readonly resolvedBytes: Uint8Array;
}

/**
 * The image that a reference names, for one platform. Layers are fetched from `client`, which must live as long.
 * @throws {StorageError} as RegistryClient.resolve; ERR_NOT_FOUND when there is none for the platform.
 */
export async function openRegistrySource(
  client: RegistryClient,
  reference: Reference,
  options: RegistrySourceOptions = {},
): Promise<RegistrySource> {
  const { platform, signal } = options;
  const wish =
    platform === undefined
      ? { platform: hostPlatform(), isExplicit: false }
      : { platform: parsePlatform(platform), isExplicit: true };
  const named = await client.resolve(reference, { signal });
  const documents = documentsAt(client, reference, new Map([[named.descriptor.digest, named.bytes]]), options);
  const { chosen, offered } = await chooseManifests(documents, [named.descriptor], wish);
  const [first] = chosen;
  if (first === undefined) throw noPlatform(reference.familiar, wish, offered);
  const image = await imageFrom(documents, first, [reference.canonical], (layer, diffId) => ({
    descriptor: layer,
    diffId,
    file: { read: (fromBytes, aborted) => client.blob(reference, layer, { fromBytes, signal: aborted }) },
  }));
  return {
    what: reference.familiar,
    images: [image],
    resolved: named.descriptor,
    resolvedBytes: named.bytes,
    [Symbol.asyncDispose]: nothing,
  };
}

function nothing(): Promise<void> {
  return Promise.resolve();
}

/** @param known those that are at hand; what is read comes to them. */
export function documentsAt(
  client: RegistryClient,
  reference: Reference,
  known: Map<Digest, Uint8Array>,
  { content, signal }: RegistrySourceOptions,
): Documents {
  return {
    what: reference.familiar,
    areFar: true,
    has: () => Promise.resolve(true),
    read: async (descriptor) => {
      const here = known.get(descriptor.digest);
      if (here !== undefined) return here;
      if (content !== undefined && (await content.has(descriptor.digest))) {
        const stored = await content.readSmall(descriptor).catch(() => undefined);
        if (stored !== undefined) return stored;
      }
      const { mediaType } = descriptor;
      const isManifest = isManifestType(mediaType) || isIndexType(mediaType);
      const read = isManifest
        ? await client.manifest(reference, descriptor, { signal })
        : await readBlob(client, reference, descriptor, signal);
      // A config is looked at for its platform first, and then for the image.
      known.set(descriptor.digest, read);
      return read;
    },
  };
}

async function readBlob(
  client: RegistryClient,
  reference: Reference,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const what = nameOf(descriptor);
  if (descriptor.size > maxJsonBytes) {
    throw new StorageError("ERR_RESOURCE_EXHAUSTED", `cannot read ${what}: it has ${descriptor.size} bytes`);
  }
  const parts: Uint8Array[] = [];
  for await (const part of client.blob(reference, descriptor, { signal })) parts.push(part);
  const bytes = Buffer.concat(parts);
  requireDigest(what, descriptor.digest, hashBytes(bytes).digest);
  return bytes;
}
