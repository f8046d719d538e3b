/** What a plan knows of an image before any layer of it has come: plain data, which may go through a queue. */
import type { Descriptor } from "../../oci/descriptor.ts";

export interface PlannedLayer {
  /** Of the stored blob; of a layer that its archive does not name by digest, the diffID. */
  readonly digest: string;
  readonly diffId: string;
  /** With all layers below it: what is extracted once. */
  readonly chainId: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/** What is to be in the store afterwards. Of an archive or a layout there may be several. */
export interface PlannedContent {
  /** Of the manifest; null where only reading the layers can tell. */
  readonly digest: string | null;
  /** ImageID: digest of the config. */
  readonly id: string;
  /** Canonical references that the source gives it. */
  readonly names: readonly string[];
  /** Bottom first. */
  readonly layers: readonly PlannedLayer[];
}

export interface PlannedImage {
  /** As the set has it; of a repository's tag the whole reference. */
  readonly source: string;
  readonly kind: "registry" | "file";
  /** os/architecture[/variant]; null: this machine's. */
  readonly platform: string | null;
  /** Canonical, besides its own. */
  readonly tags: readonly string[];
  /** What the reference names in the registry: an index, where there are several platforms; null for files. */
  readonly resolved: Pick<Descriptor, "mediaType" | "digest" | "size"> | null;
  /** At least one; one for a registry. */
  readonly contents: readonly PlannedContent[];
}

/** An image that cannot be imported, and why. */
export interface PlanFailure {
  readonly source: string;
  readonly platform: string | null;
  readonly error: { readonly code: string; readonly message: string };
}

/** Where an image is in the set: a source may be wanted for several platforms. */
export function keyOf({ source, platform }: Pick<PlannedImage, "source" | "platform">): string {
  return platform === null ? source : `${source} (${platform})`;
}

export function layersOf({ contents }: PlannedImage): readonly PlannedLayer[] {
  return contents.flatMap(({ layers }) => layers);
}

/** Stored bytes of its layers, one that it has twice once. */
export function sizeOf(image: PlannedImage): number {
  return uniqueLayers([image]).reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
}

/** All that it will be called, canonical. */
export function namesOf({ contents, tags }: PlannedImage): readonly string[] {
  return Array.from(new Set([...contents.flatMap(({ names }) => names), ...tags]));
}

/** Of all the images, by the digest of their blob. */
export function uniqueLayers(images: readonly PlannedImage[]): readonly PlannedLayer[] {
  return [...new Map(images.flatMap(layersOf).map((layer) => [layer.digest, layer])).values()];
}
