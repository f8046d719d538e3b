/** What belongs to an image that is to be copied: its documents in the order that a registry wants them, and its blobs. */
import type { Digest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import { nameOf } from "../content/blob-reader.ts";
import { chooseManifests, noPlatform, type PlatformWish } from "../image/sources/choose-manifest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseIndex } from "../oci/image-index.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import { isIndexType, isManifestType, isNondistributable } from "../oci/media-type.ts";
import type { CopySource } from "./copy-source.ts";

const maxDepth = 8;
const maxDocuments = 1000;

export interface CopiedDocument {
  /** Media type, digest and size alone. */
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  /** Undefined for an index. */
  readonly manifest: Manifest | undefined;
}

export interface CopyPlan {
  /** Each after those that it lists; the last is what the name stands for. */
  readonly documents: readonly CopiedDocument[];
  readonly root: CopiedDocument;
  /** Configs and layers, each once. */
  readonly blobs: readonly Descriptor[];
}

export interface PlanOptions {
  readonly wish: PlatformWish;
  readonly isWhole: boolean;
}

/** @throws {StorageError} ERR_NOT_FOUND for a platform or a document that is not there; ERR_INVALID_ARGUMENT. */
export async function planCopy(source: CopySource, { wish, isWhole }: PlanOptions): Promise<CopyPlan> {
  const documents = new Map<Digest, CopiedDocument>();
  await visit(source, isWhole ? soleEntry(source) : await chosenEntry(source, wish), documents, 1);
  const ordered = [...documents.values()];
  const root = ordered.at(-1);
  if (root === undefined) throw new TypeError("a plan has a root");
  const blobs = new Map<Digest, Descriptor>();
  for (const { manifest } of ordered) {
    for (const blob of manifest === undefined ? [] : [manifest.config, ...manifest.layers]) {
      // What may not be passed on is where its URLs lead.
      if (!isNondistributable(blob.mediaType) || blob.urls?.[0] === undefined) blobs.set(blob.digest, blob);
    }
  }
  return { documents: ordered, root, blobs: [...blobs.values()] };
}

function soleEntry({ what, entries }: CopySource): Descriptor {
  const [entry] = entries;
  if (entry !== undefined && entries.length === 1) return entry;
  throw new StorageError(
    "ERR_INVALID_ARGUMENT",
    `cannot copy all of ${what}: it has ${entries.length} manifests of that name, and no index; give a platform`,
  );
}

/** A manifest that nobody wants another platform of is taken for what it is, be it an image or something else. */
async function chosenEntry(source: CopySource, wish: PlatformWish): Promise<Descriptor> {
  const [entry] = source.entries;
  if (entry !== undefined && source.entries.length === 1 && !wish.isExplicit && isManifestType(entry.mediaType)) {
    return entry;
  }
  const { chosen, offered } = await chooseManifests(source.documents, source.entries, wish);
  const [first] = chosen;
  if (first === undefined) throw noPlatform(source.what, wish, offered);
  return first.descriptor;
}

async function visit(
  source: CopySource,
  entry: Descriptor,
  documents: Map<Digest, CopiedDocument>,
  depth: number,
): Promise<void> {
  const { mediaType, digest, size } = entry;
  if (documents.has(digest)) return;
  if (documents.size >= maxDocuments) {
    throw new StorageError("ERR_RESOURCE_EXHAUSTED", `cannot copy ${source.what}: more than ${maxDocuments} manifests`);
  }
  const bytes = await source.documents.read(entry);
  const descriptor = { mediaType, digest, size };
  if (isIndexType(mediaType)) {
    if (depth >= maxDepth) {
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot copy ${nameOf(entry)}: indexes are nested too deep`);
    }
    for (const inner of parseIndex(bytes, entry).manifests) await visit(source, inner, documents, depth + 1);
    documents.set(digest, { descriptor, bytes, manifest: undefined });
  } else if (isManifestType(mediaType)) {
    documents.set(digest, { descriptor, bytes, manifest: parseManifest(bytes, entry) });
  } else {
    throw new StorageError("ERR_UNIMPLEMENTED", `cannot copy ${nameOf(entry)}: it is neither a manifest nor an index`);
  }
}
