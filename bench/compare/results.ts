/** What a run has measured, and what is asked of it. */
import type { CorpusName } from "../corpora/images.ts";
import type { PlaceName } from "./places.ts";
import type { TreeCost } from "./tree-cost.ts";

export interface Measured {
  readonly contender: string;
  readonly costs: readonly TreeCost[];
}

/** One job, on one image and one file system; laminate comes first. */
export interface JobResult {
  readonly job: "pull" | "unpack";
  readonly corpus: CorpusName;
  readonly place: PlaceName;
  readonly measured: readonly Measured[];
}

export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly load: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly images: readonly { readonly name: CorpusName; readonly layers: number; readonly storedBytes: number }[];
  readonly jobs: readonly JobResult[];
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Our median divided by theirs. */
export function ratio(job: JobResult, peer: Measured, of: keyof TreeCost = "wallSeconds"): number {
  const figure = (costs: readonly TreeCost[] | undefined): number => median((costs ?? []).map((cost) => cost[of]));
  return figure(job.measured[0]?.costs) / figure(peer.costs);
}

/** At most so many times what the peer takes. */
interface Target {
  readonly job: JobResult["job"];
  readonly place: PlaceName;
  readonly corpus: CorpusName;
  readonly peer: string;
  readonly atMost: number;
}

const pulled = (corpus: CorpusName, atMost: number): readonly Target[] =>
  ["ctr images pull", "podman pull"].map((peer) => ({ job: "pull", place: "tmpfs", corpus, peer, atMost }));

export const targets: readonly Target[] = [
  ...pulled("one-layer", 0.25),
  ...pulled("eight-layers", 0.22),
  { job: "pull", place: "tmpfs", corpus: "small-files", peer: "ctr images pull", atMost: 0.3 },
  { job: "pull", place: "tmpfs", corpus: "two-gb", peer: "ctr images pull", atMost: 0.25 },
  { job: "unpack", place: "tmpfs", corpus: "one-layer", peer: "umoci unpack", atMost: 0.15 },
  { job: "unpack", place: "tmpfs", corpus: "one-layer", peer: "igzip -dc | tar -x", atMost: 0.9 },
  ...(["one-layer", "eight-layers"] as const).map((corpus): Target => ({
    job: "pull",
    place: "ext4",
    corpus,
    peer: "ctr images pull",
    atMost: 0.5,
  })),
];

export function targetOf(job: JobResult, peer: string): number | undefined {
  return targets.find(
    (target) =>
      target.job === job.job && target.place === job.place && target.corpus === job.corpus && target.peer === peer,
  )?.atMost;
}
