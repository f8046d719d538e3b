import { createReadStream, fstatSync } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { basename } from "node:path";
import { asStorageError, hasCode, StorageError } from "../../base/errors.ts";
import { compressionMagicBytes, detectCompression } from "../../oci/compression.ts";
import { hostPlatform, parsePlatform } from "../../oci/platform.ts";
import type { ArchiveFiles } from "./archive-files.ts";
import type { PlatformWish } from "./choose-manifest.ts";
import { directoryFiles } from "./directory-files.ts";
import { type DockerItem, readDockerImage, readDockerItems, selectItems } from "./docker-images.ts";
import type { ImageSource, SourceImage } from "./image-source.ts";
import { readFifo } from "./fifo.ts";
import { indexArchive } from "./indexed-archive.ts";
import { type Locator, parseLocator } from "./locator.ts";
import { type OciOptions, hasLayout, readOciImages } from "./oci-images.ts";
import { type SpooledArchive, spoolArchive, type SpoolOptions } from "./spooled-archive.ts";
import { stdinFile } from "./stdin-file.ts";

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
  options.signal?.throwIfAborted();
  const locator = parseLocator(text);
  const wish = wishOf(options.platform);
  const spool = { spoolDir: options.spoolDir, signal: options.signal };
  if (locator.kind === "stdin") return openStdin(locator, wish, spool, options.stdin);

  const what = JSON.stringify(locator.path);
  let path: string;
  let found;
  try {
    path = await realpath(locator.path);
    found = await stat(path);
  } catch (error) {
    throw asStorageError(error, `cannot open ${what}`);
  }
  if (found.isDirectory()) {
    if (locator.kind !== "path" && locator.kind !== "oci") throw notFor(locator, "is a directory");
    const images = await readOciImages(directoryFiles(path, what), {
      ...optionsOf(locator, wish),
      baseName: basename(path),
    });
    return sourceOf(what, images, undefined);
  }
  if (locator.kind === "oci") throw notFor(locator, "is not a directory");
  if (found.isFile()) return openFile(path, what, locator, wish, spool);
  if (!found.isFIFO()) throw notFor(locator, "is neither a file, a directory nor a pipe");
  return fromSpool(await spoolArchive(readFifo(path, spool.signal), what, spool), locator, wish);
}

function wishOf(platform: string | undefined): PlatformWish {
  return platform === undefined
    ? { platform: hostPlatform(), isExplicit: false }
    : { platform: parsePlatform(platform), isExplicit: true };
}

function optionsOf(locator: Locator, wish: PlatformWish): OciOptions {
  return { wish, name: "name" in locator ? locator.name : undefined, baseName: undefined };
}

function notFor(locator: Exclude<Locator, { kind: "stdin" }>, reason: string): StorageError {
  const as = locator.kind === "path" ? "" : ` as ${locator.kind}`;
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot load ${JSON.stringify(locator.path)}${as}: it ${reason}`);
}

async function openStdin(
  locator: Locator,
  wish: PlatformWish,
  spool: SpoolOptions,
  given: AsyncIterable<Uint8Array> | undefined,
): Promise<ImageSource> {
  const what = "standard input";
  if (given === undefined) {
    const path = stdinFile();
    if (path !== undefined) return openFile(path, what, locator, wish, spool);
    if (fstatSync(0).isCharacterDevice()) {
      const reason = process.stdin.isTTY ? "it is a terminal" : "it is a device";
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read an archive from ${what}: ${reason}`);
    }
  }
  return fromSpool(await spoolArchive(given ?? process.stdin, what, spool), locator, wish);
}

async function openFile(
  path: string,
  what: string,
  locator: Locator,
  wish: PlatformWish,
  spool: SpoolOptions,
): Promise<ImageSource> {
  if ((await compressionOf(path, what)) !== "none") {
    return fromSpool(await spoolArchive(createReadStream(path), what, spool), locator, wish);
  }
  return sourceOf(what, await imagesOf(indexArchive(path, what), locator, wish), undefined);
}

async function compressionOf(path: string, what: string): Promise<string> {
  try {
    await using file = await open(path);
    const start = Buffer.alloc(compressionMagicBytes);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    if (bytesRead === 0) throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${what}: it is empty`);
    return detectCompression(start.subarray(0, bytesRead));
  } catch (error) {
    throw asStorageError(error, `cannot read ${what}`);
  }
}

async function fromSpool(spooled: SpooledArchive, locator: Locator, wish: PlatformWish): Promise<ImageSource> {
  try {
    return sourceOf(spooled.files.what, await imagesOf(spooled.files, locator, wish), spooled);
  } catch (error) {
    await spooled[Symbol.asyncDispose]();
    throw error;
  }
}

function sourceOf(what: string, images: readonly SourceImage[], held: AsyncDisposable | undefined): ImageSource {
  return { what, images, [Symbol.asyncDispose]: async () => held?.[Symbol.asyncDispose]() };
}

/**
 * Docker since 25 writes archives that are both: the OCI side has exact digests and media types, manifest.json the
 * names as Docker knows them, and it lists only what is really there.
 */
async function imagesOf(files: ArchiveFiles, locator: Locator, wish: PlatformWish): Promise<readonly SourceImage[]> {
  const options = optionsOf(locator, wish);
  if (locator.kind === "oci-archive") return readOciImages(files, options);
  const items = await readDockerItems(files);
  if (items !== undefined) {
    const selected = selectItems(files, items, options);
    const exact = (await hasLayout(files)) ? await exactImages(files, wish) : new Map<string, SourceImage>();
    const images: SourceImage[] = [];
    for (const item of selected) images.push(await imageOf(files, item, exact.get(item.config.descriptor.digest)));
    return images;
  }
  if (locator.kind === "path" || locator.kind === "stdin") {
    if (await hasLayout(files)) return readOciImages(files, options);
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot load ${files.what}: it holds ${files.sample()}, and neither a manifest.json nor an OCI layout`,
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
