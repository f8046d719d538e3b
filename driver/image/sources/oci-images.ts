/** Images of an OCI layout (image-spec image-layout.md), in a directory or as the members of an archive. */
import type { DiffId } from "../../base/digest.ts";
import { StorageError } from "../../base/errors.ts";
import { nameOf } from "../../content/blob-reader.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseIndex } from "../../oci/image-index.ts";
import { parseJsonObject } from "../../oci/json.ts";
import { isNondistributable } from "../../oci/media-type.ts";
import { type ChosenManifest, chooseManifests, noPlatform, type PlatformWish } from "./choose-manifest.ts";
import { imageFrom } from "./image-from.ts";
import type { SourceImage, SourceLayer } from "./image-source.ts";
import { isCalled, nameOfEntry } from "./names.ts";
import { documentsIn, findBlob, type NamedFiles, readNamed, shown, tryFindBlob } from "./named-files.ts";

export interface OciOptions {
  readonly wish: PlatformWish;
  /** Only the images of this tag or reference. */
  readonly name: string | undefined;
  /** Repository for images that are called by a tag only. */
  readonly baseName: string | undefined;
}

/** A name, or the lack of one, and the entries of index.json that share it. */
interface Group {
  readonly reference: string | undefined;
  readonly isNamed: boolean;
  readonly entries: Descriptor[];
}

/** Whether there is a layout at all. */
export async function hasLayout(files: NamedFiles): Promise<boolean> {
  return (await files.find("index.json")) !== undefined && (await files.find("oci-layout")) !== undefined;
}

/**
 * @throws {StorageError} ERR_NOT_FOUND, ERR_DATA_LOSS or ERR_INVALID_ARGUMENT naming the descriptor that is missing,
 * damaged or not what it says.
 */
export async function readOciImages(files: NamedFiles, options: OciOptions): Promise<readonly SourceImage[]> {
  await requireLayout(files);
  const index = parseIndex((await readNamed(files, "index.json")) ?? new Uint8Array());
  const { name } = options;
  const entries = name === undefined ? index.manifests : index.manifests.filter((entry) => isCalled(entry, name));
  if (name !== undefined && entries.length === 0) throw noSuchName(files, name, index.manifests);

  const chosen = new Map<string, ChosenManifest & { readonly names: string[] }>();
  const offered: string[] = [];
  for (const group of groupByName(entries, options.baseName)) {
    const choice = await chooseManifests(documentsIn(files), group.entries, options.wish);
    offered.push(...choice.offered);
    if (group.isNamed) requireOne(files, group, choice.chosen);
    if (choice.chosen.length === 0 && choice.offered.length > 0 && !options.wish.isExplicit) {
      throw noPlatform(files.what, options.wish, offered);
    }
    for (const each of choice.chosen) {
      const known = chosen.get(each.descriptor.digest) ?? { ...each, names: [] };
      if (group.reference !== undefined) known.names.push(group.reference);
      chosen.set(each.descriptor.digest, known);
    }
  }
  if (chosen.size === 0 && offered.length > 0) throw noPlatform(files.what, options.wish, offered);
  if (chosen.size === 0) {
    throw new StorageError("ERR_NOT_FOUND", `cannot find an image in ${files.what}: it holds none`);
  }
  const images: SourceImage[] = [];
  for (const each of chosen.values()) images.push(await readImage(files, each, each.names));
  return images;
}

/** @throws {StorageError} ERR_INVALID_ARGUMENT where there is none; ERR_UNIMPLEMENTED for another version. */
export async function requireLayout(files: NamedFiles): Promise<void> {
  const bytes = await readNamed(files, "oci-layout");
  if (bytes === undefined || (await files.find("index.json")) === undefined) {
    const missing = bytes === undefined ? "oci-layout" : "index.json";
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot read ${files.what}: no OCI layout, it has no file ${missing}`,
    );
  }
  const version = parseJsonObject(bytes, `oci-layout of ${files.what}`).string("imageLayoutVersion");
  if (/^1\./.test(version)) return;
  throw new StorageError("ERR_UNIMPLEMENTED", `cannot read ${files.what}: its imageLayoutVersion is ${shown(version)}`);
}

/**
 * Entries of one name are one image for several platforms. So are entries that have a platform and no name; an entry
 * with neither is an image of its own.
 */
function groupByName(entries: readonly Descriptor[], baseName: string | undefined): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const entry of entries) {
    const { key, reference } = nameOfEntry(entry, baseName);
    const groupKey =
      key !== undefined ? `name ${key}` : entry.platform !== undefined ? "platforms" : `entry ${entry.digest}`;
    const group = groups.get(groupKey) ?? { reference, isNamed: key !== undefined, entries: [] };
    group.entries.push(entry);
    groups.set(groupKey, group);
  }
  return Array.from(groups.values());
}

function requireOne(files: NamedFiles, { reference }: Group, found: readonly ChosenManifest[]): void {
  const [first, second] = found;
  if (first === undefined || second === undefined) return;
  throw new StorageError(
    "ERR_INVALID_ARGUMENT",
    `cannot choose in ${files.what}: ${nameOf(first.descriptor)} and ${second.descriptor.digest} are both called ` +
      (reference ?? "so"),
  );
}

function noSuchName(files: NamedFiles, name: string, entries: readonly Descriptor[]): StorageError {
  const names = entries.map((entry) => nameOfEntry(entry, undefined).key).filter((key) => key !== undefined);
  const list = Array.from(new Set(names)).slice(0, 20).map(shown).join(", ");
  return new StorageError(
    "ERR_NOT_FOUND",
    `cannot find ${shown(name)} in ${files.what}: it has ${list === "" ? "no named images" : list}`,
  );
}

function readImage(files: NamedFiles, chosen: ChosenManifest, names: readonly string[]): Promise<SourceImage> {
  return imageFrom(documentsIn(files), chosen, names, (layer, diffId) => findLayer(files, layer, diffId));
}

async function findLayer(files: NamedFiles, layer: Descriptor, diffId: DiffId): Promise<SourceLayer> {
  if (isNondistributable(layer.mediaType) && (await tryFindBlob(files, layer)) === undefined) {
    const place = layer.urls?.[0] === undefined ? "elsewhere" : `at ${shown(layer.urls[0])}`;
    throw new StorageError(
      "ERR_NOT_FOUND",
      `cannot find layer ${nameOf(layer)}: ${files.what} leaves it out, it is ${place}`,
    );
  }
  return { descriptor: layer, diffId, file: await findBlob(files, layer) };
}
