/**
 * `save`: images as they are stored, blob by blob, so that an image that was imported goes out with the digests it came
 * in with. Archives are OCI layouts; a docker-archive has Docker's manifest.json besides, as Docker itself writes it
 * since version 25, and so both kinds of readers take it.
 */
import { createReadStream } from "node:fs";
import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { type Digest, encodedOf } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import type { ContentStore } from "../content/content-store.ts";
import { annotations } from "../oci/annotations.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { encodeIndex } from "../oci/image-index.ts";
import { parseReference, tryParseReference } from "../oci/reference.ts";
import { blobsOf, type ImageStore, type OpenImage } from "./image-store.ts";

export type SaveFormat = "docker-archive" | "oci-archive" | "oci-dir";

export interface SaveOptions {
  /** "docker-archive" by default. */
  readonly format?: SaveFormat | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface SaveContext {
  readonly content: ContentStore;
  readonly images: ImageStore;
}

/** An image with the names under which it was asked for. */
interface NamedImage {
  readonly image: OpenImage;
  readonly names: readonly string[];
}

/** What goes into an archive, in order: documents at hand, or blobs. */
type Member = { readonly path: string } & ({ readonly bytes: Uint8Array } | { readonly blob: Digest });

/**
 * Writes an archive of the images to `target`, each under the names given, or all it has when given by its ID.
 * @throws {StorageError} ERR_NOT_FOUND for an image.
 */
export async function saveArchive(
  context: SaveContext,
  references: readonly string[],
  target: Writable,
  { format = "docker-archive", signal }: SaveOptions,
): Promise<void> {
  const archive = pack();
  const members = await membersOf(context, references, format);
  const filled = fill(archive, context.content, members, signal).catch((error: unknown) => {
    archive.destroy(error as Error);
  });
  await pipeline(Readable.from(archive as AsyncIterable<Uint8Array>, { objectMode: false }), target, {
    ...(signal && { signal }),
  });
  await filled;
}

/**
 * Writes an OCI layout into the folder `target`, made if missing.
 * @throws {StorageError} ERR_NOT_FOUND for an image; ERR_ALREADY_EXISTS when something is in the folder.
 */
export async function saveLayout(
  context: SaveContext,
  references: readonly string[],
  target: string,
  { signal }: SaveOptions,
): Promise<void> {
  const members = await membersOf(context, references, "oci-dir");
  await mkdir(join(target, "blobs/sha256"), { recursive: true });
  const [other] = (await readdir(target)).filter((name) => name !== "blobs");
  if (other !== undefined) {
    throw new StorageError("ERR_ALREADY_EXISTS", `cannot save to ${target}: ${JSON.stringify(other)} is there already`);
  }
  for (const member of members) {
    signal?.throwIfAborted();
    const path = join(target, member.path);
    if ("bytes" in member) await writeFile(path, member.bytes);
    else await copyFile(context.content.pathOf(member.blob), path);
  }
}

async function membersOf(
  { images }: SaveContext,
  references: readonly string[],
  format: SaveFormat,
): Promise<readonly Member[]> {
  const found = await Promise.all(references.map(async (reference) => named(await images.find(reference), reference)));
  const saved = [...Map.groupBy(found, ({ image }) => image.descriptor.digest).values()].flatMap((same) => {
    const [first] = same;
    return first === undefined ? [] : { image: first.image, names: [...new Set(same.flatMap(({ names }) => names))] };
  });
  const blobs = [...new Set(saved.flatMap(({ image }) => blobsOf(image)))].sort();
  return [
    ...blobs.map((blob) => ({ path: blobPath(blob), blob })),
    { path: "index.json", bytes: encodeIndex(saved.flatMap(indexEntries)) },
    ...(format === "docker-archive" ? [{ path: "manifest.json", bytes: dockerManifest(saved) }] : []),
    { path: "oci-layout", bytes: json({ imageLayoutVersion: "1.0.0" }) },
  ];
}

function named(image: OpenImage, reference: string): NamedImage {
  const canonical = tryParseReference(reference)?.canonical;
  const isNamed = canonical !== undefined && image.names.includes(canonical);
  return { image, names: isNamed ? [canonical] : image.names };
}

function indexEntries({ image: { descriptor }, names }: NamedImage): readonly Descriptor[] {
  if (names.length === 0) return [descriptor];
  return names.map((name) => ({
    ...descriptor,
    annotations: { [annotations.imageName]: name, [annotations.refName]: parseReference(name).tag ?? "latest" },
  }));
}

function dockerManifest(saved: readonly NamedImage[]): Uint8Array {
  return json(
    saved.map(({ image: { manifest }, names }) => ({
      Config: blobPath(manifest.config.digest),
      RepoTags: names.length === 0 ? null : names.map((name) => parseReference(name).familiar),
      Layers: manifest.layers.map(({ digest }) => blobPath(digest)),
    })),
  );
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${encodedOf(digest)}`;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

async function fill(
  archive: ReturnType<typeof pack>,
  content: ContentStore,
  members: readonly Member[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const member of members) {
    signal?.throwIfAborted();
    const size = "bytes" in member ? member.bytes.length : (await content.info(member.blob)).sizeBytes;
    const entry = archive.entry({ name: member.path, size, mode: 0o444, mtime: new Date(0), uid: 0, gid: 0 });
    const source = "bytes" in member ? Readable.from([member.bytes]) : createReadStream(content.pathOf(member.blob));
    await pipeline(source, entry as unknown as Writable);
  }
  archive.finalize();
}
