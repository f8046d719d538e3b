/** From the entries of an index to image manifests: nested indexes opened, attestations left out, platforms weighed. */
import { StorageError } from "../../base/errors.ts";
import { nameOf } from "../../content/blob-reader.ts";
import { annotations } from "../../oci/annotations.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseImageConfig } from "../../oci/image-config.ts";
import { parseIndex } from "../../oci/image-index.ts";
import { type Manifest, parseManifest } from "../../oci/manifest.ts";
import { isConfigType, isIndexType, isManifestType } from "../../oci/media-type.ts";
import { formatPlatform, isUnknownPlatform, type Platform, platformDistance } from "../../oci/platform.ts";
import type { Documents } from "./documents.ts";

const maxIndexDepth = 8;
const maxCandidates = 1000;

export interface PlatformWish {
  readonly platform: Platform;
  /** False for the host's own: then the only image there is serves, whatever it is for. */
  readonly isExplicit: boolean;
}

export interface ChosenManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
}

interface Candidate {
  readonly descriptor: Descriptor;
  readonly platform: Platform;
  /** Undefined when the source does not hold it, as a layout need not (image-layout.md). */
  readonly open: (() => Promise<ChosenManifest>) | undefined;
}

export interface Choice {
  /** Those that serve best: equally good ones all, none when nothing serves. */
  readonly chosen: readonly ChosenManifest[];
  /** The platforms there were to choose from; empty when there is no image at all. */
  readonly offered: readonly string[];
}

/**
 * The image manifests among `entries`, which bear one name or none, that serve the wish best. What is no image
 * (signatures, attestations, unknown types) is passed over.
 * @throws {StorageError} ERR_NOT_FOUND naming a manifest that serves but is not there.
 */
export async function chooseManifests(
  documents: Documents,
  entries: readonly Descriptor[],
  wish: PlatformWish,
): Promise<Choice> {
  const candidates = await expand(documents, entries);
  const here = candidates.filter(({ open }) => open !== undefined).map(({ platform }) => formatPlatform(platform));
  const offered = Array.from(new Set(here));
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1 && !wish.isExplicit) {
    return { chosen: [await present(documents, only)], offered };
  }
  const weighed = candidates.map(({ platform }) => platformDistance(wish.platform, platform) ?? Infinity);
  const nearest = Math.min(...weighed);
  const best = nearest === Infinity ? [] : candidates.filter((_, i) => weighed[i] === nearest);
  return { chosen: await Promise.all(best.map((candidate) => present(documents, candidate))), offered };
}

function present(documents: Documents, { descriptor, platform, open }: Candidate): Promise<ChosenManifest> {
  if (open !== undefined) return open();
  const what = `${nameOf(descriptor)} (${formatPlatform(platform)})`;
  throw new StorageError("ERR_NOT_FOUND", `cannot find ${what}: it is not in ${documents.what}`);
}

export function noPlatform(what: string, { platform }: PlatformWish, offered: readonly string[]): StorageError {
  const list = Array.from(new Set(offered)).slice(0, 20).join(", ");
  return new StorageError(
    "ERR_NOT_FOUND",
    `cannot find an image for ${formatPlatform(platform)} in ${what}: it has ${list === "" ? "none" : list}`,
  );
}

async function expand(documents: Documents, entries: readonly Descriptor[]): Promise<readonly Candidate[]> {
  const candidates = new Map<string, Candidate>();
  const seen = new Set<string>();
  const visit = async (entry: Descriptor, depth: number): Promise<void> => {
    if (isAttestation(entry) || seen.has(entry.digest)) return;
    seen.add(entry.digest);
    if (seen.size > maxCandidates) {
      throw new StorageError(
        "ERR_RESOURCE_EXHAUSTED",
        `cannot choose in ${documents.what}: more than ${maxCandidates} manifests`,
      );
    }
    if (isIndexType(entry.mediaType)) {
      if (depth >= maxIndexDepth) {
        throw new StorageError("ERR_INVALID_ARGUMENT", `cannot open ${nameOf(entry)}: indexes are nested too deep`);
      }
      const bytes = await documents.read(entry);
      for (const inner of parseIndex(bytes, entry).manifests) await visit(inner, depth + 1);
    } else if (isManifestType(entry.mediaType)) {
      const candidate = await candidateOf(documents, entry);
      if (candidate !== undefined) candidates.set(entry.digest, candidate);
    }
  };
  for (const entry of entries) await visit(entry, 1);
  return Array.from(candidates.values());
}

function isAttestation(entry: Descriptor): boolean {
  if (entry.annotations?.[annotations.attestationType] !== undefined) return true;
  return entry.platform !== undefined && isUnknownPlatform(entry.platform);
}

/** Undefined for the manifest of something else than an image. */
async function candidateOf(documents: Documents, entry: Descriptor): Promise<Candidate | undefined> {
  if (!(await documents.has(entry))) {
    return { descriptor: entry, platform: entry.platform ?? { os: "", architecture: "" }, open: undefined };
  }
  if (documents.areFar && entry.platform !== undefined) {
    return { descriptor: entry, platform: entry.platform, open: () => openManifest(documents, entry) };
  }
  const opened = await openManifest(documents, entry);
  const { config } = opened.manifest;
  if (!isConfigType(config.mediaType)) return undefined;
  const platform = entry.platform ?? parseImageConfig(await documents.read(config), config);
  return { descriptor: entry, platform, open: () => Promise.resolve(opened) };
}

async function openManifest(documents: Documents, descriptor: Descriptor): Promise<ChosenManifest> {
  const bytes = await documents.read(descriptor);
  return { descriptor, bytes, manifest: parseManifest(bytes, descriptor) };
}
