/**
 * Images of a docker-archive, as `docker save`, podman and skopeo write it: manifest.json lists configs and layers by
 * the names of their members. Layers are proven by their diffIDs only, configs by their names where those are digests.
 */
import { hash } from "node:crypto";
import { type DiffId, type Digest, isDigest, requireDigest } from "../../base/digest.ts";
import { StorageError } from "../../base/errors.ts";
import { compressionMagicBytes, detectCompression } from "../../oci/compression.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseImageConfig } from "../../oci/image-config.ts";
import { type JsonFields, parseJsonArray } from "../../oci/json.ts";
import { encodeManifest, maxLayers } from "../../oci/manifest.ts";
import { layerTypeFor, mediaTypes } from "../../oci/media-type.ts";
import { formatPlatform, platformDistance } from "../../oci/platform.ts";
import { parseReference } from "../../oci/reference.ts";
import { noPlatform, type PlatformWish } from "./choose-manifest.ts";
import type { FileSlice, SourceImage, SourceLayer, SourceManifest } from "./image-source.ts";
import { type NamedFiles, readNamed, readSlice, readStart, shown } from "./named-files.ts";
import { requireLayerCount, requireLinux } from "./image-from.ts";
import { unsupported } from "./spooled-archive.ts";

const maxImages = 1000;

export interface DockerOptions {
  readonly wish: PlatformWish;
  /** Only the image of this reference, or `@N`, counted from 0. */
  readonly name: string | undefined;
}

/** An item of manifest.json. */
export interface DockerItem {
  /** Canonical. */
  readonly names: readonly string[];
  readonly config: { readonly bytes: Uint8Array; readonly descriptor: Descriptor };
  readonly layerNames: readonly string[];
}

/** The items of manifest.json, their configs read; undefined when there is no such file. */
export async function readDockerItems(files: NamedFiles): Promise<readonly DockerItem[] | undefined> {
  const bytes = await readNamed(files, "manifest.json");
  if (bytes === undefined) return undefined;
  const items: DockerItem[] = [];
  for (const fields of parseJsonArray(bytes, `manifest.json in ${files.what}`, maxImages)) {
    items.push(await readItem(files, fields));
  }
  return items;
}

async function readItem(files: NamedFiles, fields: JsonFields): Promise<DockerItem> {
  const configName = fields.string("Config");
  const bytes = await readSlice(await findMember(files, configName), `config ${shown(configName)} in ${files.what}`);
  const digest = `sha256:${hash("sha256", bytes)}` as Digest;
  const named = digestInName(configName);
  if (named !== undefined) requireDigest(`config ${shown(configName)} in ${files.what}`, named, digest);
  return {
    names: (fields.optionalStrings("RepoTags") ?? []).map((tag) => parseReference(tag).canonical),
    config: { bytes, descriptor: { mediaType: mediaTypes.ociConfig, digest, size: bytes.length } },
    layerNames: fields.optionalStrings("Layers", maxLayers) ?? [],
  };
}

/** `<hex>.json`, `sha256:<hex>` or `blobs/sha256/<hex>`: all that write configs name them so. */
function digestInName(name: string): Digest | undefined {
  const hex = /^(?:blobs\/sha256\/|sha256:)?([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  const digest = `sha256:${hex ?? ""}`;
  return isDigest(digest) ? digest : undefined;
}

async function findMember(files: NamedFiles, name: string): Promise<FileSlice> {
  const found = await files.find(name);
  if (found !== undefined) return found;
  throw new StorageError(
    "ERR_NOT_FOUND",
    `cannot find ${shown(name)}: it is not in ${files.what}, but its manifest.json names it`,
  );
}

/**
 * The items that a name and a platform ask for. A name that several items bear, as one image for several platforms
 * does, stays with the one that serves the platform best, and else with the last.
 * @throws {StorageError} ERR_NOT_FOUND saying what there is instead.
 */
export function selectItems(
  files: NamedFiles,
  items: readonly DockerItem[],
  { wish, name }: DockerOptions,
): readonly DockerItem[] {
  if (items.length === 0) {
    throw new StorageError("ERR_NOT_FOUND", `cannot find an image in ${files.what}: its manifest.json lists none`);
  }
  const named = name === undefined ? items : itemsCalled(files, items, name);
  const weighed = named.map((item) => {
    const platform = parseImageConfig(item.config.bytes, item.config.descriptor);
    return { item, platform, distance: platformDistance(wish.platform, platform) ?? Infinity };
  });
  const serving = wish.isExplicit ? weighed.filter(({ distance }) => distance !== Infinity) : weighed;
  if (serving.length === 0) {
    const offered = weighed.map(({ platform }) => formatPlatform(platform));
    throw noPlatform(files.what, wish, offered);
  }
  const owners = new Map<string, (typeof weighed)[number]>();
  for (const each of serving) {
    for (const tag of each.item.names) {
      const owner = owners.get(tag);
      if (owner === undefined || each.distance <= owner.distance) owners.set(tag, each);
    }
  }
  return serving.flatMap((each): DockerItem[] => {
    const names = each.item.names.filter((tag) => owners.get(tag) === each);
    return names.length > 0 || each.item.names.length === 0 ? [{ ...each.item, names }] : [];
  });
}

function itemsCalled(files: NamedFiles, items: readonly DockerItem[], name: string): readonly DockerItem[] {
  const position = /^@([0-9]{1,6})$/.exec(name)?.[1];
  if (position !== undefined) {
    const item = items[Number(position)];
    if (item !== undefined) return [item];
  } else {
    const { canonical } = parseReference(name);
    const called = items.filter(({ names }) => names.includes(canonical));
    if (called.length > 0) return called.map((item) => ({ ...item, names: [canonical] }));
  }
  const list = items
    .flatMap(({ names }) => names)
    .slice(0, 20)
    .join(", ");
  throw new StorageError(
    "ERR_NOT_FOUND",
    `cannot find ${shown(name)} in ${files.what}: it has ${items.length} images` + (list === "" ? "" : `, ${list}`),
  );
}

export async function readDockerImage(files: NamedFiles, item: DockerItem): Promise<SourceImage> {
  const { bytes, descriptor } = item.config;
  const what = `image ${descriptor.digest} in ${files.what}`;
  const parsed = parseImageConfig(bytes, descriptor);
  requireLinux(parsed, what);
  const diffIds = parsed.rootfs.diff_ids;
  requireLayerCount(what, item.layerNames.length, diffIds.length);
  const layers: SourceLayer[] = [];
  for (const [i, diffId] of diffIds.entries()) layers.push(await readLayer(files, item.layerNames[i] ?? "", diffId));
  return {
    names: Array.from(new Set(item.names)),
    config: { bytes, descriptor, parsed },
    layers,
    manifestFor: (read) => makeManifest(what, descriptor, layers, read),
  };
}

/** Stored plainly, a layer's digest is its diffID. Stored compressed, nothing tells the digest but reading it. */
async function readLayer(files: NamedFiles, name: string, diffId: DiffId): Promise<SourceLayer> {
  const file = await findMember(files, name);
  const what = `layer ${shown(name)} in ${files.what}`;
  const compression = detectCompression(await readStart(file, what, compressionMagicBytes));
  if (compression !== "none" && compression !== "gzip" && compression !== "zstd") throw unsupported(compression, what);
  const digest = compression === "none" ? diffId : null;
  return { descriptor: { mediaType: layerTypeFor(compression), digest, size: file.sizeBytes }, diffId, file };
}

function makeManifest(
  what: string,
  config: Descriptor,
  layers: readonly SourceLayer[],
  read: readonly Descriptor[],
): SourceManifest {
  requireLayerCount(what, read.length, layers.length);
  for (const [i, { descriptor }] of layers.entries()) {
    const actual = read[i]?.digest;
    if (descriptor.digest !== null && actual !== undefined)
      requireDigest(`layer ${i} of ${what}`, descriptor.digest, actual);
  }
  const bytes = encodeManifest({ mediaType: mediaTypes.ociManifest, config, layers: read });
  const digest = `sha256:${hash("sha256", bytes)}` as Digest;
  return { bytes, descriptor: { mediaType: mediaTypes.ociManifest, digest, size: bytes.length } };
}
