/**
 * How much an image will take on disk. Stored bytes are known; unpacked ones are estimated: by the ratio that the layers
 * of this store have on average, or where it has too few of them, by what root file systems usually have.
 */
import type { Storage } from "../../storage-types.ts";
import type { StoreSurvey } from "../import/store-survey.ts";
import { layersOf, type PlannedImage, type PlannedLayer } from "./planned-image.ts";

export interface UnpackedEstimate {
  /** Unpacked bytes of the layers' own files. */
  readonly of: (layer: Pick<PlannedLayer, "mediaType" | "sizeBytes">) => number;
  /** A layer has the files of those below it, too: the copy backend. */
  readonly isCumulative: boolean;
  /** For people: "2.7 times the stored bytes, as …". */
  readonly basis: string;
}

/** Debian's roots: 2.4 to 3.1 by gzip, 3.2 to 3.8 by zstd; language runtimes more, compressed data less. */
const usual = { gzip: 2.8, zstd: 3.5, none: 1.05 } as const;
const imagesAsked = 20;
const leastSampleBytes = 20_000_000;

type Compression = keyof typeof usual;

function compressionOf(mediaType: string): Compression {
  if (/[+.]zstd$/.test(mediaType)) return "zstd";
  return /[+.]gzip$/.test(mediaType) ? "gzip" : "none";
}

export async function estimateFrom(storage: Pick<Storage, "images" | "info">): Promise<UnpackedEstimate> {
  const sample = { storedBytes: 0, unpackedBytes: 0 };
  const seen = new Set<string>();
  for (const { manifestDigest } of (await storage.images.list()).slice(0, imagesAsked)) {
    const details = await storage.images.get(manifestDigest).catch(() => undefined);
    for (const { chainId, descriptor, unpackedBytes } of details?.layers ?? []) {
      if (seen.has(chainId) || compressionOf(descriptor.mediaType) !== "gzip") continue;
      seen.add(chainId);
      sample.storedBytes += descriptor.size;
      sample.unpackedBytes += unpackedBytes;
    }
  }
  const isKnown = sample.storedBytes >= leastSampleBytes;
  const gzip = isKnown ? sample.unpackedBytes / sample.storedBytes : usual.gzip;
  const ratios = { ...usual, gzip };
  return {
    of: ({ mediaType, sizeBytes }) => Math.ceil(sizeBytes * ratios[compressionOf(mediaType)]),
    isCumulative: (await storage.info()).backend === "copy",
    basis: `${gzip.toFixed(1)} times the gzipped bytes, as ${isKnown ? "the layers that are here have" : "root file systems usually have"}`,
  };
}

/** What images will write that is not there. */
export class DiskNeed {
  readonly basis: string;
  readonly #blobs: ReadonlyMap<string, number>;
  readonly #chains: ReadonlyMap<string, number>;

  private constructor(blobs: ReadonlyMap<string, number>, chains: ReadonlyMap<string, number>, basis: string) {
    this.#blobs = blobs;
    this.#chains = chains;
    this.basis = basis;
  }

  static async of(images: readonly PlannedImage[], survey: StoreSurvey, estimate: UnpackedEstimate): Promise<DiskNeed> {
    const blobs = new Map<string, number>();
    const chains = new Map<string, number>();
    const seen = new Set<string>();
    for (const { layers } of images.flatMap(({ contents }) => contents)) {
      let belowBytes = 0;
      for (const layer of layers) {
        const { digest, chainId, diffId, sizeBytes } = layer;
        const bytes = belowBytes + estimate.of(layer);
        if (estimate.isCumulative) belowBytes = bytes;
        if (seen.has(chainId)) continue;
        seen.add(chainId);
        const isUnpacked = await survey.hasLayer(chainId);
        if (!isUnpacked) chains.set(chainId, bytes);
        // Of a layer without a digest it is not known which blob it became.
        const isStored = (isUnpacked && digest === diffId) || (await survey.hasBlob(digest, sizeBytes));
        if (!isStored) blobs.set(digest, sizeBytes);
      }
    }
    return new DiskNeed(blobs, chains, estimate.basis);
  }

  /** Stored bytes that are to come. */
  get fetchBytes(): number {
    return [...this.#blobs.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Whether the layer's blob is to come. */
  isMissing(digest: string): boolean {
    return this.#blobs.has(digest);
  }

  /** Bytes on disk for all of these, what they share once. */
  of(images: readonly PlannedImage[]): number {
    const layers = images.flatMap(layersOf);
    let bytes = 0;
    for (const digest of new Set(layers.map((layer) => layer.digest))) bytes += this.#blobs.get(digest) ?? 0;
    for (const chainId of new Set(layers.map((layer) => layer.chainId))) bytes += this.#chains.get(chainId) ?? 0;
    return bytes;
  }
}
