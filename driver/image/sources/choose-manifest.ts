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
import { type NamedFiles, readDocument, tryFindBlob } from "./named-files.ts";

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
  readonly found: ChosenManifest | undefined;
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
  files: NamedFiles,
  entries: readonly Descriptor[],
  wish: PlatformWish,
): Promise<Choice> {
  const candidates = await expand(files, entries);
  const here = candidates.filter(({ found }) => found !== undefined).map(({ platform }) => formatPlatform(platform));
  const offered = Array.from(new Set(here));
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1 && !wish.isExplicit) {
    return { chosen: [present(files, only)], offered };
  }
  const weighed = candidates.map(({ platform }) => platformDistance(wish.platform, platform) ?? Infinity);
  const nearest = Math.min(...weighed);
  const best = nearest === Infinity ? [] : candidates.filter((_, i) => weighed[i] === nearest);
  return { chosen: best.map((candidate) => present(files, candidate)), offered };
}

function present(files: NamedFiles, { descriptor, platform, found }: Candidate): ChosenManifest {
  if (found !== undefined) return found;
  const what = `${nameOf(descriptor)} (${formatPlatform(platform)})`;
  throw new StorageError("ERR_NOT_FOUND", `cannot find ${what}: it is not in ${files.what}`);
}

export function noPlatform(what: string, { platform }: PlatformWish, offered: readonly string[]): StorageError {
  const list = Array.from(new Set(offered)).slice(0, 20).join(", ");
  return new StorageError(
    "ERR_NOT_FOUND",
    `cannot find an image for ${formatPlatform(platform)} in ${what}: it has ${list === "" ? "none" : list}`,
  );
}

async function expand(files: NamedFiles, entries: readonly Descriptor[]): Promise<readonly Candidate[]> {
  const candidates = new Map<string, Candidate>();
  const seen = new Set<string>();
  const visit = async (entry: Descriptor, depth: number): Promise<void> => {
    if (isAttestation(entry) || seen.has(entry.digest)) return;
    seen.add(entry.digest);
    if (seen.size > maxCandidates) {
      throw new StorageError(
        "ERR_RESOURCE_EXHAUSTED",
        `cannot choose in ${files.what}: more than ${maxCandidates} manifests`,
      );
    }
    if (isIndexType(entry.mediaType)) {
      if (depth >= maxIndexDepth) {
        throw new StorageError("ERR_INVALID_ARGUMENT", `cannot open ${nameOf(entry)}: indexes are nested too deep`);
      }
      const bytes = await readDocument(files, entry);
      for (const inner of parseIndex(bytes, entry).manifests) await visit(inner, depth + 1);
    } else if (isManifestType(entry.mediaType)) {
      const candidate = await candidateOf(files, entry);
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
async function candidateOf(files: NamedFiles, entry: Descriptor): Promise<Candidate | undefined> {
  if ((await tryFindBlob(files, entry)) === undefined) {
    return { descriptor: entry, platform: entry.platform ?? { os: "", architecture: "" }, found: undefined };
  }
  const bytes = await readDocument(files, entry);
  const manifest = parseManifest(bytes, entry);
  if (!isConfigType(manifest.config.mediaType)) return undefined;
  const platform = entry.platform ?? parseImageConfig(await readDocument(files, manifest.config), manifest.config);
  return { descriptor: entry, platform, found: { descriptor: entry, bytes, manifest } };
}
