/** What importing a set would mean: how much there is, is shared, is here, is to be fetched and stored. */
import { statfs } from "node:fs/promises";
import type { Storage } from "../../storage-types.ts";
import { StoreSurvey } from "../import/store-survey.ts";
import { familiesOf } from "../graph/families.ts";
import { DiskNeed, estimateFrom } from "./disk-need.ts";
import type { SetPlan } from "./plan-set.ts";
import { keyOf, layersOf, namesOf, type PlanFailure, type PlannedLayer, uniqueLayers } from "./planned-image.ts";

export interface PlanSummary {
  readonly set: string;
  readonly images: readonly PlannedRow[];
  readonly failures: readonly PlanFailure[];
  readonly totals: PlanTotals;
}

export interface PlannedRow {
  readonly source: string;
  /** Of the manifest; null where only reading layers can tell. */
  readonly digest: string | null;
  readonly names: readonly string[];
  readonly isHere: boolean;
  readonly layerCount: number;
  /** Stored bytes of its layers. */
  readonly sizeBytes: number;
  /** Of those what other images of the set have, too. */
  readonly sharedBytes: number;
  /** What is neither here nor fetched for an image before it. */
  readonly fetchBytes: number;
}

export interface PlanTotals {
  readonly images: number;
  readonly imagesHere: number;
  readonly failed: number;
  readonly families: number;
  readonly uniqueLayers: number;
  readonly layersHere: number;
  /** Stored bytes of all layers, each counted for every image that has it. */
  readonly logicalBytes: number;
  /** Each once. */
  readonly uniqueBytes: number;
  /** What sharing saves: logical less unique. */
  readonly sharedBytes: number;
  readonly hereBytes: number;
  /** Over the network, or out of the set's files. */
  readonly fetchBytes: number;
  /** That much more will be on disk: blobs exactly, unpacked layers by the estimate. */
  readonly diskBytes: number;
  readonly diskBasis: string;
  /** At the store's root. */
  readonly diskFreeBytes: number;
}

export async function summarise(plan: SetPlan, storage: Storage): Promise<PlanSummary> {
  const survey = await StoreSurvey.of(storage);
  const present = await survey.present(plan.images);
  const need = await DiskNeed.of(plan.images, survey, await estimateFrom(storage));
  const holders = new Map<string, number>();
  for (const image of plan.images) {
    for (const digest of new Set(layersOf(image).map((layer) => layer.digest))) {
      holders.set(digest, (holders.get(digest) ?? 0) + 1);
    }
  }
  const fetched = new Set<string>();
  const images = plan.images.map((image): PlannedRow => {
    const layers = uniqueLayers([image]);
    const fresh = layers.filter(({ digest }) => need.isMissing(digest) && !fetched.has(digest));
    for (const { digest } of fresh) fetched.add(digest);
    return {
      source: keyOf(image),
      digest: image.contents[0]?.digest ?? null,
      names: namesOf(image),
      isHere: present.has(image),
      layerCount: layersOf(image).length,
      sizeBytes: sum(layers),
      sharedBytes: sum(layers.filter(({ digest }) => (holders.get(digest) ?? 0) > 1)),
      fetchBytes: sum(fresh),
    };
  });
  const unique = uniqueLayers(plan.images);
  const missing = unique.filter(({ digest }) => need.isMissing(digest));
  const logicalBytes = images.reduce((all, { sizeBytes }) => all + sizeBytes, 0);
  const { bavail, bsize } = await statfs(storage.root);
  return {
    set: plan.set,
    images,
    failures: plan.failures,
    totals: {
      images: images.length,
      imagesHere: present.size,
      failed: plan.failures.length,
      families: familiesOf(plan.images).length,
      uniqueLayers: unique.length,
      layersHere: unique.length - missing.length,
      logicalBytes,
      uniqueBytes: sum(unique),
      sharedBytes: logicalBytes - sum(unique),
      hereBytes: sum(unique) - sum(missing),
      fetchBytes: sum(missing),
      diskBytes: need.of(plan.images),
      diskBasis: need.basis,
      diskFreeBytes: bavail * bsize,
    },
  };
}

function sum(layers: readonly PlannedLayer[]): number {
  return layers.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
}
