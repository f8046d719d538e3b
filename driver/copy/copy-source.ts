/** What is copied: documents and blobs by their descriptors, from a registry or from files. */
import { createHash } from "node:crypto";
import { constants, open } from "node:fs/promises";
import type { Digest } from "../base/digest.ts";
import { asStorageError, StorageError } from "../base/errors.ts";
import { nameOf, requireContent } from "../content/blob-reader.ts";
import type { PlatformWish } from "../image/sources/choose-manifest.ts";
import type { Documents } from "../image/sources/documents.ts";
import { type FileSlice, isRemote, type SourceImage } from "../image/sources/image-source.ts";
import { isCalled, nameOfEntry } from "../image/sources/names.ts";
import { documentsIn, findBlob, type NamedFiles, readNamed, shown } from "../image/sources/named-files.ts";
import { hasLayout, requireLayout } from "../image/sources/oci-images.ts";
import { imagesIn } from "../image/sources/open-source.ts";
import { documentsAt } from "../image/sources/registry-source.ts";
import type { SourceFiles } from "../image/sources/source-files.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseIndex } from "../oci/image-index.ts";
import type { Reference } from "../oci/reference.ts";
import type { RegistryClient } from "../registry/registry-client.ts";

export interface CopySource {
  /** How to call it in messages. */
  readonly what: string;
  /** What the name stands for: a manifest or an index, or the entries of a layout that share a name. */
  readonly entries: readonly Descriptor[];
  readonly documents: Documents;
  /** Where it is in a registry. */
  readonly reference?: Reference;
  /** A blob's bytes, for whoever reads them to prove. */
  read(blob: Descriptor, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** @throws {StorageError} as RegistryClient.resolve. */
export async function registrySource(
  client: RegistryClient,
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<CopySource> {
  const { descriptor, bytes } = await client.resolve(reference, { signal });
  return {
    what: reference.familiar,
    entries: [descriptor],
    documents: documentsAt(client, reference, new Map([[descriptor.digest, bytes]]), { signal }),
    reference,
    read: (blob, aborted) => client.blob(reference, blob, { signal: aborted }),
  };
}

/**
 * An OCI layout where there is one: it has exact digests. Else a docker-archive, whose image gets a manifest.
 * @throws {StorageError} ERR_NOT_FOUND for a name that is not there; ERR_INVALID_ARGUMENT when there are several and none
 * was named.
 */
export async function filesSource(source: SourceFiles, wish: PlatformWish): Promise<CopySource> {
  const { locator, files, archive } = source;
  const isLayout = archive === undefined || locator.kind === "oci-archive";
  if (!isLayout && (locator.kind === "docker-archive" || !(await hasLayout(files)))) {
    return archivedImage(source, await imagesIn(source, wish));
  }
  await requireLayout(files);
  const index = parseIndex((await readNamed(files, "index.json")) ?? new Uint8Array());
  const name = "name" in locator ? locator.name : undefined;
  const found = name === undefined ? index.manifests : index.manifests.filter((entry) => isCalled(entry, name));
  return {
    what: files.what,
    entries: oneName(files, found, name),
    documents: documentsIn(files),
    read: async function* (blob) {
      yield* sliceOf(await findBlob(files, blob), nameOf(blob));
    },
  };
}

function oneName({ what }: NamedFiles, found: readonly Descriptor[], name: string | undefined): readonly Descriptor[] {
  if (found.length === 0) {
    const image = name === undefined ? "an image" : shown(name);
    throw new StorageError("ERR_NOT_FOUND", `cannot find ${image} in ${what}: there is none`);
  }
  const different = new Map(found.map((entry) => [entry.digest, entry]));
  const names = new Set(found.map((entry) => nameOfEntry(entry, undefined).key ?? entry.digest));
  const arePlatforms = found.every(({ platform }) => platform !== undefined);
  if (name === undefined && different.size > 1 && names.size > 1 && !arePlatforms) {
    const list = [...names].slice(0, 20).join(", ");
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot copy ${what}: it holds several images, ${list}; say which, as in oci:DIR:TAG`,
    );
  }
  return [...different.values()];
}

async function archivedImage({ what }: SourceFiles, images: readonly SourceImage[]): Promise<CopySource> {
  const [image] = images;
  if (image === undefined || images.length > 1) {
    const names = images.flatMap((each) => each.names).slice(0, 20);
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot copy ${what}: it holds ${images.length} images, ${names.join(", ")}; say which, as in docker-archive:FILE:REF`,
    );
  }
  const blobs = new Map<Digest, FileSlice | Uint8Array>();
  const layers: Descriptor[] = [];
  for (const { descriptor, file } of image.layers) {
    if (isRemote(file)) throw new TypeError("an archive's layers are in it");
    const digest = descriptor.digest ?? (await digestOf(file, what));
    layers.push({ ...descriptor, digest });
    blobs.set(digest, file);
  }
  const manifest = image.manifestFor(layers);
  blobs.set(manifest.descriptor.digest, manifest.bytes);
  blobs.set(image.config.descriptor.digest, image.config.bytes);
  const find = (blob: Descriptor): FileSlice | Uint8Array => {
    const found = blobs.get(blob.digest);
    if (found !== undefined) return found;
    throw new StorageError("ERR_NOT_FOUND", `cannot find ${nameOf(blob)}: it is not in ${what}`);
  };
  return {
    what,
    entries: [manifest.descriptor],
    documents: {
      ...{ what, areFar: false, has: ({ digest }) => Promise.resolve(blobs.has(digest)) },
      read: (document) => {
        const bytes = find(document);
        if (!(bytes instanceof Uint8Array)) throw new TypeError("a layer is no document");
        requireContent(document, bytes);
        return Promise.resolve(bytes);
      },
    },
    read: async function* (blob) {
      const found = find(blob);
      if (found instanceof Uint8Array) yield found;
      else yield* sliceOf(found, nameOf(blob));
    },
  };
}

/** Nothing in a docker-archive tells the digest of a compressed layer but its bytes. */
async function digestOf(file: FileSlice, what: string): Promise<Digest> {
  const hasher = createHash("sha256");
  for await (const chunk of sliceOf(file, `a layer of ${what}`)) hasher.update(chunk);
  return `sha256:${hasher.digest("hex")}` as Digest;
}

async function* sliceOf({ path, offsetBytes, sizeBytes }: FileSlice, what: string): AsyncGenerator<Uint8Array> {
  if (sizeBytes === 0) return;
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const range = { start: offsetBytes, end: offsetBytes + sizeBytes - 1 };
    yield* file.createReadStream({
      ...range,
      highWaterMark: 256 * 1024,
      autoClose: false,
    }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw asStorageError(error, `cannot read ${what}`);
  }
}
