import { hasCode, StorageError } from "../../base/errors.ts";
import { hostPlatform, parsePlatform } from "../../oci/platform.ts";
import type { ArchiveFiles } from "./archive-files.ts";
import type { PlatformWish } from "./choose-manifest.ts";
import { type DockerItem, readDockerImage, readDockerItems, selectItems } from "./docker-images.ts";
import type { ImageSource, SourceImage } from "./image-source.ts";
import { type OciOptions, hasLayout, readOciImages } from "./oci-images.ts";
import { notFor, openSourceFiles, type SourceFiles } from "./source-files.ts";

export interface OpenSourceOptions {
  /** `os/architecture[/variant]`. Unless given, the host's is preferred where there is a choice. */
  readonly platform?: string;
  /** Directory for what must be spooled: archives that are compressed or come through a pipe. Made if need be. */
  readonly spoolDir: string;
  readonly signal?: AbortSignal;
  /** What `-` reads; standard input unless given. */
  readonly stdin?: AsyncIterable<Uint8Array>;
}

/**
 * Opens the images of a file, directory or stream: `-`, a path, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]` or
 * `docker-archive:FILE[:REF|@N]`. A path may lead to a docker-archive or OCI archive, plain or compressed with gzip or
 * zstd, or to a directory with an OCI layout. Documents are verified; layers are only found.
 * @throws {StorageError} ERR_NOT_FOUND for what is missing; ERR_DATA_LOSS naming the descriptor, expected and actual;
 * ERR_INVALID_ARGUMENT for what is no image or contradicts itself; ERR_UNIMPLEMENTED for xz, bzip2 and lz4;
 * ERR_RESOURCE_EXHAUSTED for a limit.
 */
export async function openImageSource(text: string, options: OpenSourceOptions): Promise<ImageSource> {
  const source = await openSourceFiles(text, options);
  try {
    const images = await imagesIn(source, wishOf(options.platform));
    return { what: source.what, images, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

export function wishOf(platform: string | undefined): PlatformWish {
  return platform === undefined
    ? { platform: hostPlatform(), isExplicit: false }
    : { platform: parsePlatform(platform), isExplicit: true };
}

/**
 * Docker since 25 writes archives that are both: the OCI side has exact digests and media types, manifest.json the
 * names as Docker knows them, and it lists only what is really there.
 */
export async function imagesIn(source: SourceFiles, wish: PlatformWish): Promise<readonly SourceImage[]> {
  const { locator, files, archive, directoryName } = source;
  const name = "name" in locator ? locator.name : undefined;
  const options: OciOptions = { wish, name, baseName: directoryName };
  if (archive === undefined || locator.kind === "oci-archive") return readOciImages(files, options);
  const items = await readDockerItems(archive);
  if (items !== undefined) {
    const selected = selectItems(archive, items, options);
    const exact = (await hasLayout(archive)) ? await exactImages(archive, wish) : new Map<string, SourceImage>();
    const images: SourceImage[] = [];
    for (const item of selected) images.push(await imageOf(archive, item, exact.get(item.config.descriptor.digest)));
    return images;
  }
  if (locator.kind === "path" || locator.kind === "stdin") {
    if (await hasLayout(archive)) return readOciImages(archive, options);
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot load ${archive.what}: it holds ${archive.sample()}, and neither a manifest.json nor an OCI layout`,
    );
  }
  throw notFor(locator, "has no manifest.json");
}

/** The images of the OCI side by config digest; none when what it describes for this platform is not in the archive. */
async function exactImages(files: ArchiveFiles, wish: PlatformWish): Promise<ReadonlyMap<string, SourceImage>> {
  try {
    const images = await readOciImages(files, { wish, name: undefined, baseName: undefined });
    return new Map(images.map((image) => [image.config.descriptor.digest, image]));
  } catch (error) {
    if (hasCode(error, "ERR_NOT_FOUND")) return new Map();
    throw error;
  }
}

async function imageOf(files: ArchiveFiles, item: DockerItem, exact: SourceImage | undefined): Promise<SourceImage> {
  return exact === undefined ? readDockerImage(files, item) : { ...exact, names: Array.from(new Set(item.names)) };
}
