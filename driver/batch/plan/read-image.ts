/** One image of a set as its source shows it: its documents are read, none of its layers. */
import { chainIds } from "../../oci/chain-id.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseReference, type Reference } from "../../oci/reference.ts";
import type { SourceImage, SourceLayer } from "../../image/sources/image-source.ts";
import { openImageSource } from "../../image/sources/open-source.ts";
import { openRegistrySource } from "../../image/sources/registry-source.ts";
import type { PlannedContent, PlannedImage, PlannedLayer } from "./planned-image.ts";
import type { SetClient } from "./set-client.ts";

/** What was found in registries before: documents never change, so that a HEAD is enough to know an image again. */
export interface KnownManifests {
  find(digest: string, platform: string | null): PlannedContent | undefined;
  remember(digest: string, platform: string | null, content: PlannedContent): void;
}

export interface ReadImageOptions {
  readonly client: SetClient;
  readonly known: KnownManifests;
  /** For archives that must be unpacked to be read. */
  readonly spoolDir: string;
  readonly signal?: AbortSignal | undefined;
}

type Wanted = Pick<PlannedImage, "source" | "platform" | "tags">;

/** A locator, as `load` takes it, and no reference. */
export function isLocator(source: string): boolean {
  return /^(?:oci|oci-archive|docker-archive):|^[./]/.test(source);
}

/** @throws {StorageError} as Storage.pull and Storage.load. */
export async function readImage(wanted: Wanted, options: ReadImageOptions): Promise<PlannedImage> {
  return isLocator(wanted.source) ? readFile(wanted, options) : readRegistry(wanted, options);
}

async function readRegistry(wanted: Wanted, options: ReadImageOptions): Promise<PlannedImage> {
  const { source, platform, tags } = wanted;
  const { client, known, signal } = options;
  const reference = parseReference(source);
  const { mediaType, digest, size } = await client.head(reference, { signal });
  const resolved = { mediaType, digest, size };
  client.pin(reference, resolved);
  let content = known.find(digest, platform);
  if (content === undefined) {
    content = await readPinned(reference, platform, options);
    known.remember(digest, platform, { ...content, names: [] });
  }
  return {
    ...{ source, kind: "registry", platform, resolved },
    tags: tags.map((tag) => parseReference(tag).canonical),
    contents: [{ ...content, names: [reference.canonical] }],
  };
}

async function readPinned(
  reference: Reference,
  platform: string | null,
  { client, signal }: ReadImageOptions,
): Promise<PlannedContent> {
  await using source = await openRegistrySource(client, reference, { ...(platform !== null && { platform }), signal });
  const [image] = source.images;
  if (image === undefined) throw new TypeError("a reference names one image");
  return contentOf(image);
}

async function readFile({ source, platform, tags }: Wanted, options: ReadImageOptions): Promise<PlannedImage> {
  await using opened = await openImageSource(source, {
    spoolDir: options.spoolDir,
    ...(platform !== null && { platform }),
    ...(options.signal && { signal: options.signal }),
  });
  return {
    ...{ source, kind: "file", platform, resolved: null },
    tags: tags.map((tag) => parseReference(tag).canonical),
    contents: opened.images.map(contentOf),
  };
}

function contentOf(image: SourceImage): PlannedContent {
  const chains = chainIds(image.layers.map(({ diffId }) => diffId));
  return {
    digest: manifestDigest(image),
    id: image.config.descriptor.digest,
    names: image.names,
    layers: image.layers.map(({ descriptor, diffId }, at): PlannedLayer => {
      const { digest, mediaType, size } = descriptor;
      return { digest: digest ?? diffId, diffId, chainId: chains[at] ?? diffId, mediaType, sizeBytes: size };
    }),
  };
}

function manifestDigest(image: SourceImage): string | null {
  const layers = image.layers.flatMap(({ descriptor }): Descriptor[] => named(descriptor));
  return layers.length === image.layers.length ? image.manifestFor(layers).descriptor.digest : null;
}

function named(descriptor: SourceLayer["descriptor"]): Descriptor[] {
  const { digest } = descriptor;
  return digest === null ? [] : [{ ...descriptor, digest }];
}
